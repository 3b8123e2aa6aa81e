// SPDX-License-Identifier: MIT
// Tap interfaces that cannot be used: each cause is told before QEMU is started, with what to do.
// Where this user may make no taps, that is what is told.
#include <sys/stat.h>

#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/tap.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

MachineConfig on_tap(const std::string& interface, const std::string& up_script = "") {
  MachineConfig config;
  config.fleet = "demo";
  config.name = "vm-0";
  config.accel = Accelerator::tcg;
  config.memory = Bytes::mebi(32);
  config.kernel = testkit::guest_path("marker").string();
  Net net;
  net.type = NetType::tap;
  net.interface = interface;
  net.up_script = up_script;
  config.nets.push_back(net);
  return config;
}

Task<std::optional<Error>> failure_of(MachineConfig config) {
  LaunchOptions options;
  options.readiness.serial = {"vmfleet: guest ready"};
  try {
    Machine machine = co_await Machine::launch(std::move(config), options);
    co_await machine.wait_ready();
  } catch (const Error& error) {
    co_return error;
  }
  co_return std::nullopt;
}

/// Whether the device itself is the obstacle here, and is named as such.
bool is_about_device(const Error& error) {
  return std::string(error.message()).find("/dev/net/tun") != std::string::npos;
}

std::string script(const TempDir& folder, const std::string& text) {
  const std::string path = (folder / "up.sh").string();
  std::ofstream(path) << "#!/bin/sh\n" << text;
  ::chmod(path.c_str(), 0700);
  return path;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a tap that is not there is told with the command that makes it") {
  ProcessLeakGuard guard;
  const auto error = co_await failure_of(on_tap("vmft-missing"));
  REQUIRE(error.has_value());
  REQUIRE(error->kind() == ErrorKind::host_unfit);
  if (!is_about_device(*error)) {
    REQUIRE_THAT(error->message(), ContainsSubstring("there is no interface vmft-missing"));
    REQUIRE_THAT(error->hint(), ContainsSubstring("ip tuntap add dev vmft-missing mode tap"));
  }
}

VMFLEET_ASYNC_TEST_CASE("an interface that is no tap is told as that") {
  ProcessLeakGuard guard;
  const auto error = co_await failure_of(on_tap("lo"));
  REQUIRE(error.has_value());
  REQUIRE(error->kind() == ErrorKind::host_unfit);
  REQUIRE_FALSE(error->hint().empty());
}

VMFLEET_ASYNC_TEST_CASE("a tap that is down, then up, then another's") {
  ProcessLeakGuard guard;
  const Tap tap(false);
  auto error = co_await failure_of(on_tap(tap.name()));
  REQUIRE(error.has_value());
  REQUIRE(error->kind() == ErrorKind::host_unfit);
  REQUIRE_FALSE(error->hint().empty());
  if (!tap.made()) co_return;
  REQUIRE_THAT(error->message(), ContainsSubstring("is down"));
  REQUIRE(tap.set_up());
  error = co_await failure_of(on_tap(tap.name()));
  REQUIRE_FALSE(error.has_value());
  const UniqueFd other = tap.attach();
  error = co_await failure_of(on_tap(tap.name()));
  REQUIRE(error->kind() == ErrorKind::conflict);
  REQUIRE_THAT(error->message(), ContainsSubstring("process " + std::to_string(::getpid())));
}

VMFLEET_ASYNC_TEST_CASE("two machines on one tap are told of each other") {
  ProcessLeakGuard guard;
  const Tap tap;
  const TempDir root;
  LaunchOptions options;
  options.state_root = root.path();
  std::optional<Machine> first;
  std::optional<Error> error;
  try {
    first = co_await Machine::launch(on_tap(tap.name()), options);
  } catch (const Error& e) {
    error = e;
  }
  REQUIRE(first.has_value() == tap.made());
  if (first) error = co_await failure_of(on_tap(tap.name()));
  REQUIRE(error.has_value());
  if (first) REQUIRE_THAT(error->message(), ContainsSubstring("in use by vm-0 of fleet demo"));
}

VMFLEET_ASYNC_TEST_CASE(
    "an up_script runs with the interface's name, and its failure is the launch's") {
  ProcessLeakGuard guard;
  const TempDir folder;
  const auto seen = folder / "seen";
  const std::string path =
      script(folder, "echo \"$# $1\" >" + seen.string() + "\necho no bridge >&2\nexit 3\n");
  const auto error = co_await failure_of(on_tap("vmft-x", path));
  REQUIRE(files::read(seen) == "1 vmft-x\n");
  REQUIRE(error->kind() == ErrorKind::unavailable);
  REQUIRE_THAT(error->message(), ContainsSubstring("ended with exit code 3"));
  REQUIRE(error->evidence() == std::vector<std::string>{"no bridge"});
}

VMFLEET_ASYNC_TEST_CASE("an up_script that cannot be run is told") {
  ProcessLeakGuard guard;
  const auto error = co_await failure_of(on_tap("vmft-x", "/nonexistent/up.sh"));
  REQUIRE(error->kind() == ErrorKind::invalid_config);
  REQUIRE_THAT(error->message(), ContainsSubstring("/nonexistent/up.sh"));
}

VMFLEET_ASYNC_TEST_CASE("after its up_script a tap is used under the full sandbox") {
  ProcessLeakGuard guard;
  const TempDir folder;
  const Tap tap;
  const std::string path = script(folder, "exit 0\n");
  const auto error = co_await failure_of(on_tap(tap.name(), path));
  REQUIRE(error.has_value() != tap.made());
}
