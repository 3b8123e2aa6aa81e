// SPDX-License-Identifier: MIT
#include <vmfleet/console/log_reader.hpp>

#include <vector>

#include "console_fixture.hpp"

using namespace vmfleet;
using namespace vmfleet::console;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> all_there(LogReader& reader) {
  std::vector<std::string> lines;
  while (auto line = reader.poll()) lines.push_back(line->text);
  return lines;
}

}  // namespace

TEST_CASE("a log is read line by line, whatever the line ends") {
  Loop loop;
  const ConsoleFiles files;
  using namespace std::string_literals;
  files.print("skip\none\r\ntwo\r\r\n\nth\0ree"s);
  LogReader reader(loop, files.log, 5);
  const auto first = reader.poll();
  REQUIRE(first->text == "one");
  REQUIRE(first->offset == 5);
  REQUIRE_FALSE(first->read_at);
  REQUIRE(all_there(reader) == std::vector<std::string>{"two", "", "three"});
  REQUIRE_FALSE(reader.poll());
}

TEST_CASE("a followed line has the time at which it was read") {
  Loop loop;
  const ConsoleFiles files;
  LogReader reader(loop, files.log, 0);
  auto guest = [&]() -> Task<void> {
    co_await sleep_for(1ms);
    files.print("late\n");
  };
  const auto line = run_with_guest(loop, reader.next(), guest);
  REQUIRE(line.text == "late");
  REQUIRE(line.read_at);
}

TEST_CASE("an open line comes when it rests, and then its rest") {
  Loop loop;
  const ConsoleFiles files;
  files.print("web-1 login: ");
  LogReader reader(loop, files.log, 0);
  const auto prompt = run(loop, reader.next());
  REQUIRE(prompt.text == "web-1 login: ");
  REQUIRE_FALSE(prompt.ends);
  files.print("root\r\n");
  const auto rest = run(loop, reader.next());
  REQUIRE(rest.text == "root");
  REQUIRE_FALSE(rest.begins);
  REQUIRE(rest.ends);
  REQUIRE(rest.offset == 13);
}

TEST_CASE("a line without end comes in pieces") {
  Loop loop;
  const ConsoleFiles files;
  files.print(std::string(150'000, 'x') + "\nnext\n");
  LogReader reader(loop, files.log, 0);
  std::size_t size = 0;
  for (;;) {
    const auto piece = run(loop, reader.next());
    REQUIRE(piece.text.size() <= 64U << 10);
    REQUIRE(piece.offset == size);
    size += piece.text.size();
    if (piece.ends) break;
  }
  REQUIRE(size == 150'000);
  REQUIRE(run(loop, reader.next()).text == "next");
}

TEST_CASE("a log that begins anew ends its last line") {
  Loop loop;
  const ConsoleFiles files;
  files.print("first life");
  LogReader reader(loop, files.log, 0);
  REQUIRE(run(loop, reader.next()).text == "first life");
  REQUIRE(::truncate(files.log.c_str(), 0) == 0);
  files.print("second\n");
  REQUIRE(run(loop, reader.next()).text == "second");
}

TEST_CASE("the last lines begin where they begin, in logs of any size") {
  const ConsoleFiles files;
  REQUIRE(log_tail_start(files.log, 3) == 0);
  std::string log;
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; log.size() < 300'000; ++i) {
    starts.push_back(log.size());
    log += std::string(i * 37 % 400, 'x') + "\n";
  }
  files.print(log);
  for (const std::size_t lines : {1U, 2U, 10U, 500U, 1000U}) {
    REQUIRE(log_tail_start(files.log, lines) == starts[starts.size() - lines]);
  }
  REQUIRE(log_tail_start(files.log, 0) == log.size());
  REQUIRE(log_tail_start(files.log, starts.size()) == 0);
  REQUIRE(log_tail_start(files.log, starts.size() + 1) == 0);
  files.print("open");
  REQUIRE(log_tail_start(files.log, 1) == log.size());
  REQUIRE(log_tail_start(files.log, 2) == starts.back());
}

TEST_CASE("the hole at the head of a limited log is not read") {
  const ConsoleFiles files;
  files.print(std::string(1 << 20, 'a') + "\n" + std::string(4096, 'b') + "\nlast\n");
  REQUIRE(log_start(files.log) == 0);
  const UniqueFd fd(::open(files.log.c_str(), O_RDWR | O_CLOEXEC));
  constexpr off_t kHole = (1 << 20) + 1 + 10;  // into the second line
  if (::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kHole) != 0) {
    WARN("this file system has no holes");
    return;
  }
  REQUIRE(log_start(files.log) == kHole);
  REQUIRE(log_tail_start(files.log, 100) == kHole);
  REQUIRE(log_tail_start(files.log, 1) == (1 << 20) + 1 + 4097);
}
