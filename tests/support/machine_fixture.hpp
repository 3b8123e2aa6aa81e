// SPDX-License-Identifier: MIT
// A small machine on the QEMU under test, and what tests ask of it again and again.
#pragma once

#include <string>
#include <utility>

#include <vmfleet/base/error.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/support/qemu_session.hpp"
#include "tests/support/temp_dir.hpp"

namespace vmfleet::test {

inline const std::string kReady = "vmfleet: guest ready";

/// Without anything to boot.
inline MachineConfig bare_config() {
  MachineConfig config;
  config.name = "vm-0";
  config.qemu = qemu_under_test().string();
  config.accel = Accelerator::tcg;
  config.memory = Bytes::mebi(32);
  return config;
}

inline MachineConfig config_of(const std::string& guest) {
  MachineConfig config = bare_config();
  config.kernel = testkit::guest_path(guest).string();
  return config;
}

inline MachineConfig with_forward(MachineConfig config) {
  Net net;
  net.forwards.push_back(Forward("ssh", 22));
  config.nets.push_back(net);
  return config;
}

inline Readiness on_serial(const std::string& text) {
  Readiness readiness;
  readiness.serial = {text};
  return readiness;
}

inline Readiness on_marker() {
  return on_serial(kReady);
}

inline Readiness on_exit() {
  Readiness readiness;
  readiness.exit = true;
  return readiness;
}

inline LaunchOptions ephemeral(Readiness readiness = on_marker()) {
  LaunchOptions options;
  options.readiness = std::move(readiness);
  return options;
}

inline LaunchOptions detached(const TempDir& root, Readiness readiness = on_marker()) {
  LaunchOptions options = ephemeral(std::move(readiness));
  options.lifetime = Lifetime::detached;
  options.state_root = root.path();
  return options;
}

inline StopOptions with_grace(Milliseconds grace) {
  StopOptions options;
  options.grace = grace;
  return options;
}

/// A machine that has become ready.
inline Task<Machine> boot(MachineConfig config, LaunchOptions options) {
  Machine machine = co_await Machine::launch(std::move(config), std::move(options));
  co_await machine.wait_ready();
  co_return machine;
}

/// Launches and stops: what is left is what the launch staged.
inline Task<void> launch_once(MachineConfig config, LaunchOptions options) {
  Machine machine = co_await Machine::launch(std::move(config), std::move(options));
  co_await machine.stop(StopOptions::kill());
}

/// The error with which `work` fails.
template <class T>
Task<Error> error_of(Task<T> work) {
  try {
    co_await std::move(work);
  } catch (const Error& error) {
    co_return error;
  }
  co_return Error(ErrorKind::internal, "it did not fail");
}

}  // namespace vmfleet::test
