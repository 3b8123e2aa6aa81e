// SPDX-License-Identifier: MIT
// Setting the world up, and judging what is left in it.
#include "tests/cli/fault_world.hpp"

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include <vmfleet/testkit/fake_qemu.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

namespace {

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

constexpr const char* kFile = R"(fleet = "demo"
[machine.vm]
kernel = "{kernel}"
qemu = "{qemu}"
accel = "tcg"
memory = "32M"
stop.grace = "0s"
[machine.vm.ready]
serial = "vmfleet: guest ready"
[[machine.vm.net]]
type = "user"
forward = ["ssh:22"]
[[machine.vm.disk]]
file = "disk.img"
format = "raw"
mode = "copy"
[[machine.vm.inject]]
via = "fw_cfg"
path = "opt/word"
text = "a word"
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

/// Of a program that has not ended by itself.
bool has_crashed(const Ran& ran) {
  for (const char* word : {"AddressSanitizer", "LeakSanitizer", "runtime error:", "terminate",
                           "Assertion", "contract violation"}) {
    if (ran.err.find(word) != std::string::npos) return true;
  }
  return ran.code >= 128;
}

}  // namespace

const std::vector<Command>& changing_commands() {
  static const std::vector<Command> commands = {
      {"up", {"up"}, Before::nothing, "ready"},
      {"down", {"down"}, Before::running, ""},
      {"stop", {"stop"}, Before::running, "stopped"},
      {"kill", {"kill"}, Before::running, "stopped"},
      {"start", {"start"}, Before::stopped, "ready"},
      {"rm", {"rm", "vm"}, Before::stopped, ""},
      {"restart", {"restart"}, Before::running, "ready"},
      {"up --recreate", {"up", "--recreate"}, Before::running_otherwise, "ready"},
  };
  return commands;
}

bool is_sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
  return false;
#endif
}

int stride() {
  // Without a sanitizer each one is tried; with it, whose programs start slowly, some.
  constexpr int kSanitized = 23;
  return is_sanitized() ? kSanitized : 1;
}

FaultWorld::FaultWorld() {
  std::string file = replaced(kFile, "{kernel}", testkit::guest_path("marker").string());
  file = replaced(file, "{qemu}", testkit::fake_qemu_path().string());
  std::ofstream(folder() / "vmfleet.toml") << file;
  std::ofstream(folder() / "other.toml") << replaced(file, "32M", "48M");
  std::ofstream(folder() / "disk.img") << std::string(8192, 'd');
  environment["FAULT_FOLDER"] = folder().string();
  environment["FAULT_REPORT"] = (folder() / "report").string();
  environment["UV_THREADPOOL_SIZE"] = "1";  // one order of the calls
  prepare(Before::running);                 // fills the caches
  require_removable();
}

void FaultWorld::prepare(Before before) {
  const auto done = [this](const Words& words) {
    const Ran ran = run(words);

    INFO(trial << "\n" << ran.err);
    REQUIRE(ran.code == 0);
  };
  if (before == Before::nothing) return;
  if (before == Before::running_otherwise) {
    done({"up", "-f", "other.toml"});
    return;
  }
  done({"up"});
  if (before == Before::stopped) done({"stop"});
}

Ran FaultWorld::run_with(const std::string& fault, const Words& words) {
  const auto report = folder() / "report";
  std::filesystem::remove(report);
  environment["FAULT"] = fault;
  Ran ran = run(words);
  environment.erase("FAULT");
  hit_ = read_text(report);
  if (hit_.find('\n') != std::string::npos) hit_.resize(hit_.find('\n'));
  return ran;
}

void FaultWorld::complain(const std::string& what) {
  problems_.push_back(fmt::format("{} at {}: {}", trial, hit_, what));
}

void FaultWorld::judge(const Ran& ran, const Command& command, const std::string& cause) {
  state_.reset();
  if (has_crashed(ran)) {
    complain(fmt::format("it crashed ({}): {}", ran.code, ran.err));
  } else if (ran.code == 0) {
    state_ = command.after;
  } else if (ran.err.find("vmfleet: ") == std::string::npos ||
             ran.err.find(cause) == std::string::npos) {
    complain(fmt::format("exit code {} without a cause: {}", ran.code, ran.err));
  }
}

void FaultWorld::judge_next(const Ran& ran, const Command& command) {
  // What it was to end may have ended before, or what it was to remove may be gone.
  const bool done = ran.code == 0 || (ran.code == 4 && command.after != "ready");
  if (!done) complain(fmt::format("the next one fails ({}): {}", ran.code, ran.err));
  // One that was killed before that was written down has crashed, as far as anybody can tell.
  if (ran.code == 0 && command.after != "stopped") state_ = command.after;
  require_sound();
}

std::set<pid_t> FaultWorld::survivors() const {
  // They are detached, so they are children of this process, which is what adopts them.
  std::set<pid_t> pids;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    std::ifstream children(thread.path() / "children");
    for (pid_t pid = 0; children >> pid;) {
      const std::string words = read_text(fmt::format("/proc/{}/cmdline", pid));
      if (words.find(state().string()) != std::string::npos) pids.insert(pid);
    }
  }
  return pids;
}

std::set<pid_t> FaultWorld::qemus() const {
  std::set<pid_t> pids = survivors();
  std::erase_if(pids, [](pid_t pid) {
    constexpr std::string_view kKeeper = "vmfleet-log-keeper";
    const std::string words = read_text(fmt::format("/proc/{}/cmdline", pid));
    return words.rfind(kKeeper, 0) == 0;
  });
  return pids;
}

void FaultWorld::require_sound() {
  std::set<pid_t> known;
  std::string seen;
  const Ran ps = run({"--json", "ps"});
  const auto document = json::parse(ps.out);
  if (ps.code != 0 || !document.ok()) return complain("ps fails: " + ps.err);
  if (const auto* machines = document.value()["machines"].as_array()) {
    for (const auto& machine : *machines) {
      seen = machine.text("state");
      if (const auto pid = machine["pid"].as_int()) known.insert(static_cast<pid_t>(*pid));
      if (machine["error"].text("kind") == "corrupt") complain("a record is not readable");
    }
  }
  for (const pid_t pid : qemus()) {
    if (known.count(pid) == 0) complain("ps does not know of a QEMU that runs");
  }
  if (state_ && *state_ != seen) {
    complain(fmt::format("it succeeded, but the machine is '{}'", seen));
  }
  state_.reset();
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(state(), gone)) {
    if (entry.path().extension() == ".corrupt") complain("left: " + entry.path().string());
  }
}

void FaultWorld::require_removable() {
  const Ran down = run({"down"});
  if (down.code != 0) complain(fmt::format("down fails ({}): {}", down.code, down.err));
  if (!survivors().empty()) complain("a QEMU or its log keeper survives down");
  if (!std::filesystem::exists(state()) || std::filesystem::is_empty(state())) return;
  complain("down leaves files");
  std::filesystem::remove_all(state());
}

}  // namespace vmfleet::test
