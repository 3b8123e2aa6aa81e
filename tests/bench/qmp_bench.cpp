// SPDX-License-Identifier: MIT
// QMP framing and decoding as ratios to naive readers of the same stream in the same run.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/qmp/framer.hpp>
#include <vmfleet/qmp/message.hpp>

using namespace vmfleet;

namespace {

constexpr int kRepetitions = 9;
constexpr std::size_t kChunk = 65536;

/// Events and replies as QEMU writes them, each on its line.
std::string conversation(std::size_t size) {
  std::string stream;
  for (int i = 0; stream.size() < size; ++i) {
    const std::string id = std::to_string(i);
    stream += R"({"timestamp": {"seconds": 1700000000, "microseconds": )" + id +
              R"(}, "event": "RTC_CHANGE", "data": {"offset": 0, "qom-path": "/machine/rtc"}})"
              "\r\n";
    stream += R"({"return": {"status": "running", "singlestep": false, "running": true}, "id": )" +
              id + "}\r\n";
    if (i % 100 != 0) continue;
    stream += R"({"return": ")";
    for (int line = 0; line < 100; ++line) stream += R"(bus: \"pci.0\" {type PCI} [0]\r\n)";
    stream += R"(", "id": )" + id + "}\r\n";
  }
  return stream;
}

/// One reply, nearly all of it one string.
std::string large_string(std::size_t size) {
  return "{\"return\": \"" + std::string(size, 'x') + "\"}\r\n";
}

std::size_t frame(std::string_view stream, const std::function<void(std::string_view)>& use) {
  qmp::Framer framer;
  std::size_t found = 0;
  for (std::size_t at = 0; at < stream.size(); at += kChunk) {
    framer.feed(stream.substr(at, kChunk));
    for (auto front = framer.front(); front; front = framer.front()) {
      use(**front);
      ++found;
      framer.pop();
    }
  }
  return found;
}

/// A reader that takes each line for a message, as most clients do.
std::size_t split_lines(std::string_view stream, const std::function<void(std::string_view)>& use) {
  std::string buffer;
  std::size_t found = 0;
  for (std::size_t at = 0; at < stream.size(); at += kChunk) {
    buffer += stream.substr(at, kChunk);
    std::size_t begin = 0;
    for (;;) {
      const auto newline = buffer.find('\n', begin);
      if (newline == std::string::npos) break;
      use(std::string_view(buffer).substr(begin, newline - begin));
      ++found;
      begin = newline + 1;
    }
    buffer.erase(0, begin);
  }
  return found;
}

/// The same states as the framer, one byte at a time.
std::size_t count_braces(std::string_view stream,
                         const std::function<void(std::string_view)>& use) {
  std::string message;
  std::size_t found = 0;
  int depth = 0;
  bool text = false;
  bool escaped = false;
  for (const char c : stream) {
    if (depth > 0 || c == '{') message += c;
    if (escaped) {
      escaped = false;
    } else if (text) {
      escaped = c == '\\';
      text = c != '"';
    } else if (c == '"') {
      text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      use(message);
      ++found;
      message.clear();
    }
  }
  return found;
}

using Reader = std::size_t (*)(std::string_view, const std::function<void(std::string_view)>&);

double seconds(Reader reader, std::string_view stream, bool decoding, std::size_t& found) {
  std::size_t bytes = 0;
  const std::function<void(std::string_view)> use = [&](std::string_view text) {
    bytes += decoding ? static_cast<std::size_t>(qmp::decode(text).ok()) : text.size();
  };
  const auto start = std::chrono::steady_clock::now();
  found = reader(stream, use);
  const auto end = std::chrono::steady_clock::now();
  if (bytes == 0) std::abort();
  return std::chrono::duration<double>(end - start).count();
}

/// Both are measured alternately, so that a slow phase of the host hits both.
void compare(const char* what, std::string_view stream, bool decoding, Reader baseline) {
  std::vector<double> ratios;
  std::vector<double> rates;
  for (int i = 0; i < kRepetitions; ++i) {
    std::size_t expected = 0;
    std::size_t found = 0;
    const double base = seconds(baseline, stream, decoding, expected);
    const double ours = seconds(&frame, stream, decoding, found);
    if (found != expected) std::abort();
    ratios.push_back(ours / base);
    rates.push_back(static_cast<double>(stream.size()) / ours / 1e6);
  }
  std::sort(ratios.begin(), ratios.end());
  std::sort(rates.begin(), rates.end());
  std::printf("%-58s time ratio %.2f (%.2f to %.2f), %.0f MB/s\n", what, ratios[kRepetitions / 2],
              ratios.front(), ratios.back(), rates[kRepetitions / 2]);
}

}  // namespace

int main() {
  const std::string messages = conversation(std::size_t{8} << 20);
  const std::string large = large_string(std::size_t{60} << 20);
  compare("framing, to a byte-at-a-time brace counter", messages, false, &count_braces);
  compare("framing, to a line splitter (no framing at all)", messages, false, &split_lines);
  compare("framing and decoding, to a line splitter and decoding", messages, true, &split_lines);
  compare("framing a 60 MB string, to a byte-at-a-time counter", large, false, &count_braces);
}
