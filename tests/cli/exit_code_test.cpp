// SPDX-License-Identifier: MIT
#include "cli/exit_code.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::cli;

namespace {

MachineReport machine(MachineState state) {
  MachineReport report;
  report.state = state;
  return report;
}

MachineReport failed(ErrorKind kind) {
  MachineReport report = machine(MachineState::failed);
  report.error = Error(kind, "why");
  return report;
}

FleetReport fleet(std::vector<MachineReport> machines) {
  FleetReport report;
  report.machines = std::move(machines);
  return report;
}

}  // namespace

TEST_CASE("the exit code says what the failed machines have in common") {
  const auto ready = machine(MachineState::ready);
  CHECK(exit_code(fleet({})) == 0);
  CHECK(exit_code(fleet({ready, machine(MachineState::running)})) == 0);
  CHECK(exit_code(fleet({ready, failed(ErrorKind::timed_out)})) == 3);
  CHECK(exit_code(fleet({failed(ErrorKind::timed_out), failed(ErrorKind::timed_out)})) == 6);
  CHECK(exit_code(fleet({failed(ErrorKind::timed_out), failed(ErrorKind::exited)})) == 1);
  CHECK(exit_code(fleet({failed(ErrorKind::host_unfit)})) == 8);
  CHECK(exit_code(fleet({machine(MachineState::crashed)})) == 7);
}

TEST_CASE("a missing file of a machine is a matter of its configuration") {
  CHECK(exit_code(fleet({failed(ErrorKind::not_found)})) == 2);
  CHECK(exit_code(ErrorKind::not_found) == 4);
}

TEST_CASE("stopping a machine that had crashed is no failure") {
  CHECK(exit_code_of_errors(fleet({machine(MachineState::crashed)})) == 0);
  CHECK(exit_code_of_errors(fleet({failed(ErrorKind::conflict)})) == 5);
}

TEST_CASE("an interrupted command exits as shells expect") {
  CHECK(interrupted_code(2) == 130);
  CHECK(interrupted_code(15) == 143);
}
