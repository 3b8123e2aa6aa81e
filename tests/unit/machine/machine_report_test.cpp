// SPDX-License-Identifier: MIT
// Machine reports as JSON.
#include <vmfleet/machine/machine_report.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("a report leaves out what is not known") {
  MachineReport report;
  report.name = "vm-0";
  REQUIRE(json::write(report.to_json()) == R"({"name":"vm-0","state":"created"})");
}

TEST_CASE("a full report has the documented members") {
  MachineReport report;
  report.name = "vm-0";
  report.state = MachineState::ready;
  report.pid = 17;
  report.uuid = "u";
  report.ready_after = Milliseconds(1234);
  PortForward port;
  port.name = "ssh";
  port.protocol = "tcp";
  port.host_addr = "127.0.0.1";
  port.host_port = 40001;
  port.guest_port = 22;
  report.ports.push_back(port);
  report.accel = "tcg";
  report.template_key = "1a2b";
  report.identical = true;
  report.directory = "/state/demo/vm-0";
  report.exit.emplace();
  report.exit->kind = "guest-shutdown";
  report.exit->code = 0;
  report.exit->reason = "the guest shut down";
  report.error = Error(ErrorKind::exited, "gone").hint("look").evidence("line");
  REQUIRE(
      json::write(report.to_json()) ==
      R"({"name":"vm-0","state":"ready","pid":17,"uuid":"u","ready_ms":1234,)"
      R"("ports":[{"name":"ssh","proto":"tcp","host_addr":"127.0.0.1","host":40001,"guest":22}],)"
      R"("accel":"tcg","template":"1a2b","identical":true,"dir":"/state/demo/vm-0",)"
      R"("exit":{"kind":"guest-shutdown","code":0,"reason":"the guest shut down"},)"
      R"("error":{"kind":"exited","message":"gone","hint":"look","evidence":["line"]}})");
}

TEST_CASE("every state has a word that reads back") {
  for (const auto state :
       {MachineState::created, MachineState::starting, MachineState::booting, MachineState::ready,
        MachineState::running, MachineState::paused, MachineState::stopping, MachineState::stopped,
        MachineState::crashed, MachineState::failed}) {
    REQUIRE(parse_machine_state(to_string(state)) == state);
  }
  REQUIRE_FALSE(parse_machine_state("sleeping").has_value());
}

TEST_CASE("an error survives JSON") {
  const auto error =
      Error(ErrorKind::host_unfit, "no memory").hint("buy some").evidence("MemFree: 0");
  const Error read = error_from_json(error_to_json(error));
  REQUIRE(read.kind() == error.kind());
  REQUIRE(read.message() == error.message());
  REQUIRE(read.hint() == error.hint());
  REQUIRE(read.evidence() == error.evidence());
}
