// SPDX-License-Identifier: MIT
// Forwards of machines that run and run again, on a real QEMU and on the fake one alike.
#include <vmfleet/base/error.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/machine.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

LaunchOptions specified(const TempDir& root) {
  LaunchOptions options = detached(root);
  options.spec_hash = "abc";
  return options;
}

/// Ends with a forward "web" that was added, and without "ssh", which was specified.
Task<PortForward> end_with_changes(const TempDir& root) {
  Machine machine = co_await boot(with_forward(config_of("marker")), specified(root));
  const Forward web("web", 80);
  const PortForward added = co_await machine.add_forward(web);
  co_await machine.remove_forward("ssh");
  co_await machine.stop(StopOptions::kill());
  co_return added;
}

/// The next life has what that one ended with.
Task<void> require_changes(const TempDir& root, PortForward added) {
  Machine machine = co_await boot(with_forward(config_of("marker")), specified(root));
  REQUIRE(machine.ports() == std::vector<PortForward>{added});
  co_await machine.stop(StopOptions::kill());
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a forward comes and goes while its machine runs") {
  ProcessLeakGuard guard;
  Machine machine = co_await boot(with_forward(config_of("marker")), ephemeral());
  const Forward web("web", 80);
  const PortForward added = co_await machine.add_forward(web);
  REQUIRE(added.name == "web");
  REQUIRE(added.host_port != 0);
  REQUIRE(machine.port("web") == added);
  REQUIRE(machine.report().ports.size() == 2);
  const Error again = co_await error_of(machine.add_forward(web));
  REQUIRE(again.kind() == ErrorKind::conflict);
  Forward taken("other", 81);
  taken.host_port = added.host_port;
  const Error conflict = co_await error_of(machine.add_forward(taken));
  REQUIRE(conflict.kind() == ErrorKind::conflict);
  REQUIRE_THAT(conflict.what(), ContainsSubstring("vm-0 of fleet default"));
  co_await machine.remove_forward("web");
  REQUIRE(machine.report().ports.size() == 1);
  const PortForward other = co_await machine.add_forward(taken);
  REQUIRE(other.host_port == added.host_port);
  const Error missing = co_await error_of(machine.remove_forward("web"));
  REQUIRE(missing.kind() == ErrorKind::not_found);
}

VMFLEET_ASYNC_TEST_CASE("a machine without a user network has nothing to forward through") {
  ProcessLeakGuard guard;
  Machine machine = co_await boot(config_of("marker"), ephemeral());
  const Forward web("web", 80);
  const Error error = co_await error_of(machine.add_forward(web));
  REQUIRE(error.kind() == ErrorKind::invalid_config);
}

VMFLEET_ASYNC_TEST_CASE("a later life has the forwards that the earlier one ended with") {
  ProcessLeakGuard guard;
  const TempDir root;
  Machine first = co_await boot(with_forward(config_of("marker")), specified(root));
  Machine other = co_await Machine::adopt(first.directory());
  const Forward web("web", 80);
  co_await other.add_forward(web);
  co_await other.remove_forward("ssh");
  const PortForward before = other.port("web");
  co_await first.stop(StopOptions::kill());  // who stops it has not seen what the other did
  Machine second = co_await boot(with_forward(config_of("marker")), specified(root));
  REQUIRE(second.ports().size() == 1);
  REQUIRE(second.port("web").host_port == before.host_port);
  co_await second.stop(StopOptions::kill());
  LaunchOptions changed = specified(root);
  changed.spec_hash = "abd";
  Machine third = co_await boot(with_forward(config_of("marker")), std::move(changed));
  REQUIRE(third.ports().size() == 1);
  REQUIRE(third.ports()[0].name == "ssh");
  co_await third.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a forward that was added in place of a specified one is there again") {
  ProcessLeakGuard guard;
  const TempDir root;
  MachineConfig config = with_forward(config_of("marker"));
  config.nets[0].forwards[0].host_addr = "0.0.0.0";
  Machine first = co_await boot(config, specified(root));
  co_await first.remove_forward("ssh");
  const Forward inside("ssh", 22);
  const PortForward added = co_await first.add_forward(inside);
  co_await first.stop(StopOptions::kill());
  Machine second = co_await boot(config, specified(root));
  REQUIRE(second.ports() == std::vector<PortForward>{added});
  co_await second.remove_forward("ssh");
  co_await second.stop(StopOptions::kill());
  Machine third = co_await boot(config, specified(root));
  REQUIRE(third.ports().empty());
  co_await third.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("a forward whose port the configuration names stays") {
  ProcessLeakGuard guard;
  MachineConfig config = with_forward(config_of("marker"));
  config.append = {"port={port:ssh}"};
  Machine machine = co_await boot(std::move(config), ephemeral());
  const Error error = co_await error_of(machine.remove_forward("ssh"));
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE_THAT(error.message(), ContainsSubstring("{port:ssh}"));
  REQUIRE(machine.report().ports.size() == 1);
}

VMFLEET_ASYNC_TEST_CASE("a start that fails forgets no forward, however early it does") {
  ProcessLeakGuard guard;
  const TempDir root;
  const PortForward added = co_await end_with_changes(root);
  MachineConfig incomplete = with_forward(config_of("marker"));
  incomplete.kernel = (root / "missing").string();
  const Error missing = co_await error_of(boot(std::move(incomplete), specified(root)));
  REQUIRE(missing.kind() == ErrorKind::invalid_config);
  co_await require_changes(root, added);
  MachineConfig refused = with_forward(config_of("marker"));
  refused.nets.push_back(Net());
  refused.nets.back().type = NetType::tap;
  refused.nets.back().interface = "vmfleet-none";
  const Error no_tap = co_await error_of(boot(std::move(refused), specified(root)));
  REQUIRE(no_tap.kind() == ErrorKind::host_unfit);
  co_await require_changes(root, added);
}

VMFLEET_ASYNC_TEST_CASE("whoever dies in a launch has forgotten no forward") {
  ProcessLeakGuard guard;
  const TempDir root;
  const PortForward added = co_await end_with_changes(root);
  const auto record = root / "default" / "vm-0" / "state.json";
  std::string then;  // what is on disk while QEMU starts
  LaunchOptions options = specified(root);
  options.on_step = [&](std::string_view step) {
    if (step == "connecting") then = files::read(record);
  };
  Machine machine = co_await boot(with_forward(config_of("marker")), std::move(options));
  co_await machine.stop(StopOptions::kill());
  files::write_atomically(record, then);
  co_await require_changes(root, added);
}
