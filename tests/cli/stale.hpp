// SPDX-License-Identifier: MIT
// Stale: a machine whose state directory tests make lie.
#pragma once

#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <string>

#include <vmfleet/testkit/fake_qemu.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

namespace vmfleet::test {

/// vm-0 of the fleet `demo`, on fake_qemu.
struct Stale : Vmfleet {
  Stale() { environment["VMFLEET_FLEET"] = "demo"; }

  Ran up(const Words& more = {}) const {
    Words words = {"up", "--qemu", testkit::fake_qemu_path().string(), "--forward", "ssh:22"};
    words.insert(words.end(), more.begin(), more.end());
    const Words all = up_with("marker", Words(words.begin() + 1, words.end()));
    return run(all);
  }
  [[nodiscard]] std::filesystem::path machine() const { return state() / "demo" / "vm-0"; }
  [[nodiscard]] json::Value seen() const {
    const auto ps = document({"ps"});
    REQUIRE(ps["machines"].as_array()->size() == 1);
    return ps["machines"].as_array()->front();
  }

  /// Ends its QEMU as the kernel does, and returns the number that it had.
  pid_t lose_qemu() const {
    const auto pid = static_cast<pid_t>(seen().integer("pid", 0));
    REQUIRE(pid > 1);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);  // orphans come to this process
    return pid;
  }
  void write_everywhere(const std::string& text) const {
    for (const char* name : {"pid", "lock", "alive", "control.sock", "qmp.sock"}) {
      std::filesystem::remove(machine() / name);
      std::ofstream(machine() / name) << text << "\n";
    }
  }
};

}  // namespace vmfleet::test
