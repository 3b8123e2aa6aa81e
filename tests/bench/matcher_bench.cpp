// SPDX-License-Identifier: MIT
// The matcher's cost as a ratio to rescanning the whole buffer, and of small pieces to large ones.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/console/matcher.hpp>

using namespace vmfleet::console;

namespace {

constexpr int kRepetitions = 9;
const std::string kMarker = "vmfleet: guest ready";

std::string boot_log(std::size_t size) {
  std::string log;
  for (int i = 0; log.size() < size; ++i) {
    log += "[    " + std::to_string(i % 10) + ".123456] pci 0000:00:0" + std::to_string(i % 8) +
           ".0: BAR 4: assigned [io  0xc000-0xc03f] at bus " + std::to_string(i) + "\r\n";
  }
  return log;
}

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Spread {
  double least, median, most;
};

/// Both are measured alternately, so that a slow phase of the host hits both.
Spread ratio(const std::function<void()>& work, const std::function<void()>& baseline) {
  std::vector<double> ratios;
  for (int i = 0; i < kRepetitions; ++i) {
    const double base = seconds(baseline);
    ratios.push_back(seconds(work) / base);
  }
  std::sort(ratios.begin(), ratios.end());
  return {ratios.front(), ratios[ratios.size() / 2], ratios.back()};
}

std::size_t feed(const PatternSet& patterns, std::string_view stream, std::size_t piece) {
  Matcher matcher(patterns);
  std::size_t found = 0;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    found += matcher.feed(stream.substr(at, piece)).size();
  }
  return found;
}

std::size_t rescan(std::string_view stream, std::size_t piece) {
  std::string buffer;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    buffer += stream.substr(at, piece);
    if (buffer.find(kMarker) != std::string::npos) return 1;
  }
  return 0;
}

void check(std::size_t found, std::size_t expected) {
  if (found == expected) return;
  std::fprintf(stderr, "matcher bench: found %zu, expected %zu\n", found, expected);
  std::exit(1);
}

void print(const char* what, Spread spread) {
  std::printf("%-66s %8.3f  (%.3f to %.3f, n=%d)\n", what, spread.median, spread.least, spread.most,
              kRepetitions);
}

void compare_with_rescanning() {
  const auto literal = PatternSet({Pattern::literal(kMarker)});
  for (const std::size_t piece : {64, 1024}) {
    const std::string log = boot_log(1 << 20) + kMarker;
    char title[80];
    std::snprintf(title, sizeof title, "1 MiB boot log, %zu-byte pieces / rescanning the buffer",
                  piece);
    print(title, ratio([&] { check(feed(literal, log, piece), 1); },
                       [&] { check(rescan(log, piece), 1); }));
  }
}

void compare_bytes_with_one_piece(const char* what, const PatternSet& patterns,
                                  const std::string& stream, std::size_t expected) {
  print(what, ratio([&] { check(feed(patterns, stream, 1), expected); },
                    [&] { check(feed(patterns, stream, stream.size()), expected); }));
}

}  // namespace

int main() {
  std::printf("ratio of times: median (least to most)\n");
  compare_with_rescanning();
  const std::string log = boot_log(1 << 20) + kMarker;
  const std::string line(1 << 20, 'x');
  std::string hostile = "begin ";  // holds all that the expression needs, and never matches
  while (hostile.size() < line.size()) hostile += "end";
  compare_bytes_with_one_piece("1-byte pieces / one piece: literal, boot log",
                               PatternSet({Pattern::literal(kMarker)}), log, 1);
  compare_bytes_with_one_piece("1-byte pieces / one piece: expression, boot log",
                               PatternSet({Pattern::regex("vmfleet: .*ready")}), log, 1);
  compare_bytes_with_one_piece("1-byte pieces / one piece: literal, 1 MiB line without end",
                               PatternSet({Pattern::literal(kMarker)}), line + kMarker, 1);
  compare_bytes_with_one_piece("1-byte pieces / one piece: expression, 1 MiB line without end",
                               PatternSet({Pattern::regex("vmfleet: .*ready")}), line + kMarker, 1);
  compare_bytes_with_one_piece("1-byte pieces / one piece: expression without atoms, the same",
                               PatternSet({Pattern::regex("[0-9]{2}[a-f]")}), line + "77a", 1);
  compare_bytes_with_one_piece(
      "1-byte pieces / one piece: expression that nearly matches, the same",
      PatternSet({Pattern::regex("end.*begin")}), hostile, 0);
  return 0;
}
