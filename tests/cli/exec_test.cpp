// SPDX-License-Identifier: MIT
// vmfleet exec: programs in a Linux guest, through its agent.
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qmp/agent_client.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::LinuxWorld;
using test::Ran;
using test::Terminal;
using test::Words;

namespace {

Ran exec(const LinuxWorld& world, const Words& command) {
  Words words = {"exec", "vm-0", "--"};
  words.insert(words.end(), command.begin(), command.end());
  return world.run(words);
}

}  // namespace

TEST_CASE("a program in a guest has its own output, exit code and arguments") {
  const LinuxWorld world("agent");
  const Ran both = exec(world, {"sh", "-c", "echo to out; echo to err >&2; exit 3"});
  CHECK(both.out == "to out\n");
  CHECK(both.err == "to err\n");
  CHECK(both.code == 3);
  CHECK(exec(world, {"printf", "[%s]", "", "a b", "$HOME", "-x", "--json", "[a,b]"}).out ==
        "[][a b][$HOME][-x][--json][[a,b]]");
  CHECK(exec(world, {"printf", "\\000\\377\\033[2J"}).out == std::string("\0\xff\x1b[2J", 6));
  CHECK(exec(world, {"sh", "-c", "kill -9 $$"}).code == 137);
  const Ran large = exec(world, {"sh", "-c", "yes | head -c 1000000"});
  CHECK(large.out.size() == 1'000'000);
  const Ran none = exec(world, {"no-such-program"});
  CHECK(none.code == 125);
  CHECK_THAT(none.err, ContainsSubstring("no-such-program"));
  const Ran missing = world.run({"exec", "vm-1", "--", "true"});
  CHECK(missing.code == 125);

  Terminal terminal(world, {"exec", "vm-0", "--", "printf", "evil \\033[2J text"});
  terminal.wait_for("evil  text");
  CHECK(terminal.wait() == 0);
}

TEST_CASE("programs in one guest run at the same time, and end with it") {
  const LinuxWorld world("agent");
  Terminal waiting(world, {"exec", "vm-0", "--", "sh", "-c", "until [ -e /tmp/go ]; do :; done"});
  CHECK(exec(world, {"touch", "/tmp/go"}).code == 0);
  CHECK(waiting.wait() == 0);
  Terminal endless(world, {"exec", "vm-0", "--", "sh", "-c", "touch /tmp/begun; sleep 1000"});
  CHECK(exec(world, {"sh", "-c", "until [ -e /tmp/begun ]; do :; done"}).code == 0);
  world.run({"kill"});
  endless.wait_for("vm-0 ended meanwhile");
  CHECK(endless.wait() == 125);
}

TEST_CASE("who is killed while it asks a guest's agent spoils nothing for the next") {
  const LinuxWorld world("agent");
  for (const char* seconds : {"0.02", "0.04", "0.06", "0.1", "0.2", "0.4"}) {
    const Ran ran = world.shell(std::string("timeout -s KILL ") + seconds +
                                " \"$PROGRAM\" exec vm-0 -- sleep 9\necho killed: $?\n"
                                "vmfleet exec vm-0 -- hostname");
    INFO(seconds << " s: " << ran.out);
    CHECK(ran.code == 0);
    CHECK_THAT(ran.out, ContainsSubstring("killed: 137\nvm-0\n"));
  }
}

#if defined(__x86_64__)  // elsewhere the agent has the port itself
namespace {

constexpr Milliseconds kPatience(60'000);

/// Runs in the guest, and tells its console when nobody was woken for two seconds.
constexpr const char* kWatchAgent = R"(
wakes() { for pid in $(pidof relay qemu-ga); do grep ^voluntary /proc/$pid/status; done; }
{
  now=$(wakes)
  until [ "$before" = "$now" ]; do
    before=$now
    sleep 2
    now=$(wakes)
  done
  echo "$now" | wc -l
  echo asleep
} </dev/null >/dev/ttyS0 2>&1 &
)";

/// Asks for a large answer, and goes when it begins to come. The watch begins meanwhile.
Task<void> cut_large_answer(std::filesystem::path socket) {
  std::int64_t large = 0;
  {
    UnixSocket first = co_await UnixSocket::connect(socket);
    auto agent = co_await qmp::AgentClient::attach(std::move(first), kPatience);
    const std::vector<std::string> command{"sh", "-c", "yes | head -c 3000000; touch /tmp/done"};
    large = co_await agent.start(command);
    const std::vector<std::string> wait{"sh", "-c", "until [ -e /tmp/done ]; do sleep 0.1; done"};
    const std::int64_t waiting = co_await agent.start(wait);
    while (!co_await agent.outcome(waiting)) co_await sleep_for(Milliseconds(50));
    const std::vector<std::string> watch{"sh", "-c", kWatchAgent};
    co_await agent.start(watch);
  }
  UnixSocket raw = co_await UnixSocket::connect(socket);
  const std::string request =
      fmt::format(R"({{"execute": "guest-exec-status", "arguments": {{"pid": {}}}}})"
                  "\n",
                  large);
  co_await raw.write(request);
  std::array<char, 4096> beginning{};
  const std::size_t count = co_await raw.read(beginning);
  CHECK(count > 0);
}

}  // namespace

TEST_CASE("a guest's agent that nobody asks is not woken, also when who asked went early") {
  const LinuxWorld world("agent");
  Terminal console(world, {"logs", "-f", "vm-0"});
  SECTION("it was asked") {
    CHECK(exec(world, {"sh", "-c", kWatchAgent}).code == 0);
  }
  SECTION("its answer was not waited for") {
    const auto socket = world.state() / "default/vm-0" / instance_file::kAgent;
    testkit::run_async(cut_large_answer(socket), kPatience);
  }
  console.wait_for("2\r\nasleep");
  CHECK(exec(world, {"hostname"}).out == "vm-0\n");
}
#endif

TEST_CASE("the image has its devices, name and network where there is no PCI bus") {
  const LinuxWorld world("agent");
  const Ran up = world.run(
      {"up", "-p", "small", "--machine", "microvm", "--accel", "tcg", "--ready", "agent"});
  INFO(up.err);
  REQUIRE(up.code == 0);
  const Ran said =
      world.run({"exec", "-p", "small", "vm-0", "--", "sh", "-c", "hostname; cat /run/lease.eth0"});
  CHECK(said.out == "vm-0\n10.0.2.15\n");
}
