// SPDX-License-Identifier: MIT
// Many clones of one template: what each of them must have for itself, and what they cost.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qmp/agent_client.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/cli/clone_world.hpp"
#include "tests/soak/soak.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr double kClockTolerance = 1.0;  // seconds

double host_time() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The proportional share of its memory, in MiB. *Source*: proc(5), /proc/PID/smaps_rollup.
double share_of_memory(pid_t pid) {
  std::ifstream rollup(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string line; std::getline(rollup, line);) {
    if (line.rfind("Pss:", 0) == 0) return std::stod(line.substr(4)) / 1024;
  }
  return 0;
}

std::string name_of(int index) {
  return fmt::format("vm-{}", index);
}

Background ask(const Vmfleet& world, int index, const std::string& script) {
  return Background(world, {"exec", name_of(index), "--", "sh", "-c", script});
}

/// What each clone answers, all asked at once.
std::vector<std::string> ask_all(const Vmfleet& world, int clones, const std::string& script) {
  std::vector<Background> asked;
  for (int i = 0; i < clones; ++i) asked.push_back(ask(world, i, script));
  std::vector<std::string> answers;
  for (Background& one : asked) {
    const int code = one.wait();
    INFO(one.output());
    CHECK(code == 0);
    answers.emplace_back(trim(one.output()));
  }
  return answers;
}

/// How many seconds the guest's clock is away from the host's at most: the answer takes its time,
/// and on a busy host the next one may tell more.
Task<double> clock_error(std::filesystem::path agent_socket) {
  constexpr int kTries = 20;
  UnixSocket socket = co_await UnixSocket::connect(std::move(agent_socket));
  auto agent = co_await qmp::AgentClient::attach(std::move(socket), Milliseconds(60'000));
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kTries && least >= kClockTolerance; ++i) {
    const double before = host_time();
    const qmp::Value said = co_await agent.execute("guest-get-time");
    const double after = host_time();
    const double guest = static_cast<double>(said.as_int().value_or(0)) / 1e9;
    least = std::min(least, std::max(std::abs(guest - before), std::abs(guest - after)));
  }
  co_return least;
}

/// One after the other: of connections that come at once QEMU's port forwarding loses some.
std::string host_keys(const Vmfleet& world, int index) {
  const Ran port = world.run({"port", name_of(index), "ssh"});
  const std::string address(trim(port.out));
  const std::string number = address.substr(address.rfind(':') + 1);
  return world
      .shell(fmt::format("for type in rsa ecdsa ed25519; do\n"
                         "ssh-keyscan -T 60 -t $type -p {} 127.0.0.1 2>/dev/null | cut -d' ' -f2-\n"
                         "done",
                         number))
      .out;
}

}  // namespace

TEST_CASE("clones that draw random bytes at once draw different ones, and know who they are") {
  const CloneWorld world;
  const int clones = amount(6, 100);
  const std::string count = std::to_string(clones);
  const Words up = {"up", "-q", "--clone", "--accel", "tcg", "--timeout", "10m", "-n"};
  const auto up_with_count = [&](const std::string& number) {
    Words words = up;
    words.push_back(number);
    return words;
  };
  REQUIRE(world.run(up_with_count("1")).code == 0);  // which makes the template
  REQUIRE(world.run({"down", "-q"}).code == 0);
  const double began = host_time();
  REQUIRE(world.run(up_with_count(count)).code == 0);
  const double took = host_time() - began;
  const json::Value ps = world.document({"ps"});
  REQUIRE(ps.integer("ready", 0) == clones);
  std::set<std::string> templates;
  double memory = 0;
  for (const json::Value& one : *ps["machines"].as_array()) {
    templates.emplace(one.text("template"));
    memory += share_of_memory(static_cast<pid_t>(one.integer("pid", 0)));
  }
  REQUIRE(templates.size() == 1);
  REQUIRE(templates.count("") == 0);

  const auto answers = ask_all(world, clones,
                               "head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n'; echo;\n"
                               "hostname; cat /etc/machine-id 2>/dev/null; true");
  std::set<std::string> different;
  std::set<std::string> machine_ids;
  std::size_t have_one = 0;
  for (int i = 0; i < clones; ++i) {
    const auto lines = split(answers[static_cast<std::size_t>(i)], '\n');
    REQUIRE(lines.size() >= 2);
    CHECK(lines[0].size() == 64);
    different.emplace(lines[0]);
    CHECK(trim(lines[1]) == name_of(i));
    if (lines.size() < 3) continue;
    ++have_one;
    machine_ids.emplace(trim(lines[2]));
  }
  CHECK(different.size() == static_cast<std::size_t>(clones));
  CHECK(machine_ids.size() == have_one);

  double worst = 0;
  for (int i = 0; i < clones; ++i) {
    const auto socket = world.state() / "default" / name_of(i) / instance_file::kAgent;
    worst = std::max(worst, testkit::run_async(clock_error(socket), std::chrono::minutes(5)));
  }
  CHECK(worst < kClockTolerance);

  std::set<std::string> keys;
  const int sample = std::min(clones, 5);
  for (int i = 0; i < sample; ++i) {
    const std::string of_one = host_keys(world, i);
    CHECK(std::count(of_one.begin(), of_one.end(), '\n') == 3);
    for (const auto& key : split(trim(of_one), '\n')) keys.emplace(key);
  }
  CHECK(keys.size() == 3 * static_cast<std::size_t>(sample));

  tell("clones",
       fmt::format("{} ready in {:.1f} s, {:.1f} MiB each (PSS), {} different random values, "
                   "{} machine ids, clocks within {:.2f} s, {} different host keys of {}",
                   clones, took, memory / clones, different.size(), machine_ids.size(), worst,
                   keys.size(), 3 * sample));
  CHECK(world.run({"down", "-q", "--grace", "0ms"}).code == 0);
}
