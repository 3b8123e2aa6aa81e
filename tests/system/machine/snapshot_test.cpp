// SPDX-License-Identifier: MIT
// Snapshots in a program that has the machine to itself.
#include <fmt/format.h>

#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Task<void> count_to(Machine& machine, unsigned count) {
  Readiness readiness = on_serial(fmt::format("count {:08}", count));
  co_await machine.wait_for(std::move(readiness));
}

bool has_counted_to(const Machine& machine, unsigned count) {
  const std::string log = files::read(machine.directory() / "serial.log");
  return log.find(fmt::format("count {:08}", count)) != std::string::npos;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a program sets its own machine back, which ends with it") {
  const ProcessLeakGuard guard;
  std::filesystem::path directory;
  {
    Machine machine = co_await boot(config_of("count"), ephemeral());
    directory = machine.directory();
    const std::string uuid = machine.uuid();
    const Snapshot snapshot = co_await machine.snapshot("clean");
    CHECK(snapshot.tag == "clean");
    CHECK(snapshot.size.count() > 0);
    for (int i = 0; i < 2; ++i) {
      const pid_t pid = machine.pid();
      co_await count_to(machine, 300);
      co_await machine.restore("clean");
      CHECK_FALSE(has_counted_to(machine, 300));
      CHECK(machine.pid() != pid);
      CHECK(machine.uuid() == uuid);
      CHECK(machine.report().state == MachineState::ready);
    }
    const Error missing = co_await error_of(machine.restore("dirty"));
    CHECK(missing.kind() == ErrorKind::not_found);
    co_await count_to(machine, 300);  // it runs on
    SnapshotOptions replace;
    replace.replace = true;
    co_await machine.snapshot("clean", replace);
    co_await machine.restore("clean");
    CHECK(has_counted_to(machine, 300));
  }
  CHECK_FALSE(std::filesystem::exists(directory));
}
