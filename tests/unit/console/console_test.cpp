// SPDX-License-Identifier: MIT
#include <vmfleet/console/console.hpp>

#include <vmfleet/base/text.hpp>

#include "console_fixture.hpp"
#include "matching.hpp"

using namespace vmfleet;
using namespace vmfleet::console;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

/// Ten seconds stand for ever.
Task<Match> expect_text(Console& console, std::string text) {
  return console.expect(Pattern::literal(std::move(text)), 10s);
}

Task<void> print_slowly(const ConsoleFiles& files, std::string text) {
  for (const char c : text) {
    co_await yield_now();
    files.print(std::string_view(&c, 1));
  }
}

}  // namespace

TEST_CASE("a console finds one thing after the other, also in one piece") {
  Loop loop;
  const ConsoleFiles files;
  files.print("skipped ready\none two one\n");
  Console console(loop, files.log, files.input, 14);
  REQUIRE(run(loop, expect_text(console, "one")).end == 17);
  REQUIRE(run(loop, expect_text(console, "one")).end == 25);
  REQUIRE(console.offset() == 25);
}

TEST_CASE("a console waits for what is printed later, byte by byte") {
  Loop loop;
  const ConsoleFiles files;
  Console console(loop, files.log, files.input);
  const auto match = run_with_guest(loop, expect_text(console, "login: "),
                                    [&] { return print_slowly(files, "Debian\r\nweb-1 login: "); });
  REQUIRE(match.line == "web-1 login: ");
  REQUIRE(match.end == 21);
}

TEST_CASE("a prompt that ends the line is found when the guest rests") {
  Loop loop;
  const ConsoleFiles files;
  files.print("a # b\r\n~ # ");
  Console console(loop, files.log, files.input);
  REQUIRE(run(loop, console.expect(Pattern::regex("# $"), 10s)).line == "~ # ");
}

TEST_CASE("what follows a match that was certain only later is not lost") {
  Loop loop;
  const ConsoleFiles files;
  files.print("ready");
  Console console(loop, files.log, files.input);
  auto guest = [&]() -> Task<void> {
    co_await sleep_for(1ms);
    files.print("! go\n");
  };
  const auto match = run_with_guest(loop, console.expect(Pattern::regex("^ready\\b"), 10s), guest);
  REQUIRE(match.end == 5);
  REQUIRE(run(loop, expect_text(console, "!")).end == 6);
  REQUIRE(run(loop, expect_text(console, "go")).end == 9);
}

TEST_CASE("a wait that fails tells the nearest line and the last ones") {
  Loop loop;
  const ConsoleFiles files;
  files.print("boot\r\n\x1b[1mvmfleet: guest redy\x1b[0m\r\n# ");
  Console console(loop, files.log, files.input);
  const auto error =
      error_of(loop, console.expect(Pattern::literal("vmfleet: guest ready"), 100ms));
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE(error.evidence() == std::vector<std::string>{"expected: vmfleet: guest ready",
                                                       "nearest:  vmfleet: guest redy", "boot",
                                                       "vmfleet: guest redy", "# "});
}

TEST_CASE("a silent guest is called silent") {
  Loop loop;
  const ConsoleFiles files;
  Console console(loop, files.log, files.input);
  const auto error = error_of(loop, console.expect(Pattern::literal("ready"), 20ms));
  REQUIRE(error.evidence().back() == "the guest printed nothing");
}

TEST_CASE("after a wait that failed the console still finds what comes") {
  Loop loop;
  const ConsoleFiles files;
  files.print("one ");
  Console console(loop, files.log, files.input);
  error_of(loop, console.expect(Pattern::literal("three"), 20ms));
  files.print("two three");
  REQUIRE(run(loop, expect_text(console, "three")).end == 13);
}

TEST_CASE("a crash ends the wait at once, unless the caller wants to go on") {
  Loop loop;
  const ConsoleFiles files;
  files.print("ready\n[    2.473143] Kernel panic - not syncing: sysrq triggered crash\r\n more\n");
  Console console(loop, files.log, files.input);
  REQUIRE(run(loop, expect_text(console, "ready")).end == 5);
  const auto error = error_of(loop, expect_text(console, "never"));
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.message(), ContainsSubstring("sysrq triggered crash"));
  Console dump(loop, files.log, files.input);
  dump.on_crash(Console::OnCrash::go_on);
  REQUIRE(run(loop, expect_text(dump, "more")).line == " more");
}

TEST_CASE("a log that begins anew is read from its beginning") {
  Loop loop;
  const ConsoleFiles files;
  files.print("a long first life, without it: rea");
  Console console(loop, files.log, files.input);
  auto guest = [&]() -> Task<void> {
    co_await sleep_for(1ms);
    REQUIRE(::truncate(files.log.c_str(), 0) == 0);
    files.print("dy? ready");
  };
  REQUIRE(run_with_guest(loop, expect_text(console, "ready"), guest).end == 9);
}

TEST_CASE("what is sent arrives as it was sent") {
  Loop loop;
  const ConsoleFiles files;
  const UniqueFd guest = files.plug_in();
  Console console(loop, files.log, files.input);
  run(loop, console.send("root\n\x03", 10s));
  REQUIRE(read_now(guest.get()) == "root\n\x03");
}

TEST_CASE("a full input is waited for without blocking the loop") {
  Loop loop;
  const ConsoleFiles files;
  const UniqueFd guest = files.plug_in();
  Console console(loop, files.log, files.input);
  const std::string text(300'000, 'x');
  std::string arrived;
  auto sending = [&]() -> Task<bool> {
    co_await console.send(text, 10s);
    co_return true;
  };
  auto reading = [&]() -> Task<void> {
    while (arrived.size() < text.size()) {
      co_await sleep_for(1ms);
      arrived += read_now(guest.get());
    }
  };
  REQUIRE(run_with_guest(loop, sending(), reading));
  REQUIRE(arrived == text);
}

TEST_CASE("a guest that does not read is told from a machine that is gone") {
  Loop loop;
  const ConsoleFiles files;
  Console console(loop, files.log, files.input);
  REQUIRE(error_of(loop, console.send("x", 10s)).kind() == ErrorKind::disconnected);
  UniqueFd guest = files.plug_in();
  const auto error = error_of(loop, console.send(std::string(300'000, 'x'), 50ms));
  REQUIRE(error.kind() == ErrorKind::timed_out);
  REQUIRE_THAT(error.message(), ContainsSubstring("of 300000 bytes"));
  auto leaving = [&]() -> Task<void> {
    co_await sleep_for(1ms);
    guest.reset();
  };
  auto sending = [&]() -> Task<bool> {
    co_await console.send("y", 10s);
    co_return true;
  };
  try {
    run_with_guest(loop, sending(), leaving);
    FAIL("nobody read it");
  } catch (const Error& gone) {
    REQUIRE(gone.kind() == ErrorKind::disconnected);
  }
}
