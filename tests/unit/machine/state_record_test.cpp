// SPDX-License-Identifier: MIT
// The state record.
#include "machine/state_record.hpp"

#include <vmfleet/instance/record.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("a state record reads back with every field") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE_FALSE(read_state(directory).has_value());
  StateRecord record;
  record.state = MachineState::failed;
  record.started_ms = 1'700'000'000'123;
  record.ready_after = Milliseconds(17);
  record.serial_begin = 1234;
  record.events_begin = 567;
  PortForward port;
  port.name = "ssh";
  port.protocol = "tcp";
  port.host_addr = "127.0.0.1";
  port.host_port = 65535;
  port.guest_port = 22;
  record.forwards.ports.push_back(port);
  record.forwards.removed = {"web"};
  record.forwards.added = {"ssh"};
  record.exit.emplace();
  record.exit->kind = "killed";
  record.exit->reason = "QEMU was killed";
  record.exit->requested = true;
  record.error = Error(ErrorKind::timed_out, "late");
  write_state(directory, record);
  const auto read = read_state(directory);
  REQUIRE(read.has_value());
  REQUIRE(read->state == record.state);
  REQUIRE(read->started_ms == record.started_ms);
  REQUIRE(read->ready_after == record.ready_after);
  REQUIRE(read->serial_begin == record.serial_begin);
  REQUIRE(read->events_begin == record.events_begin);
  REQUIRE(read->forwards.ports == record.forwards.ports);
  REQUIRE(read->forwards.removed == record.forwards.removed);
  REQUIRE(read->forwards.added == record.forwards.added);
  REQUIRE(read->exit->kind == "killed");
  REQUIRE(read->exit->requested);
  REQUIRE_FALSE(read->exit->code.has_value());
  REQUIRE(std::string(read->error->message()) == "late");
  REQUIRE(read->others.empty());  // every member is known
}

TEST_CASE("what a later vmfleet has added to a state record is kept") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const json::Object added{{"mood", "calm"}};
  const json::Object body{{"state", "ready"}, {"later", added}};
  write_record(directory, instance_file::kState, "vmfleet.state/1", body);
  StateRecord record = *read_state(directory);
  REQUIRE(record.state == MachineState::ready);
  record.state = MachineState::failed;
  write_state(directory, record);
  const json::Value again = *read_record(directory, instance_file::kState, "vmfleet.state/1");
  REQUIRE(again["later"] == json::Value(added));
  REQUIRE(again.text("state") == "failed");
}
