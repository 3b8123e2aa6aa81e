// SPDX-License-Identifier: MIT
// The intent record.
#include <vmfleet/instance/intent.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("an intent reads back with every field") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE_FALSE(read_intent(directory).has_value());
  Intent intent;
  intent.fleet = "demo";
  intent.name = "vm-0";
  intent.uuid = "85a855e7-b4e2-8f48-b8b1-a6e2100d8ed4";
  intent.boot_id = host_boot_id();
  intent.created_ms = 1'700'000'000'123;
  intent.argv = {"qemu", "-name", "odd, \"name\"\n"};
  intent.spec_hash = "abc";
  intent.accel = "tcg";
  intent.paused = true;
  intent.forwards = json::Array{json::Object{{"name", "ssh"}}};
  intent.named_forwards = {"ssh"};
  intent.readiness = json::Object{{"ssh", true}};
  intent.exit_codes = {{31, "success"}, {33, "odd, \"word\""}};
  intent.staged_files = {"disk0.qcow2"};
  intent.labels = {{"role", "web"}};
  intent.ssh = SshLogin("ada", "/keys/id");
  write_intent(directory, intent);
  const auto read = read_intent(directory);
  REQUIRE(read.has_value());
  REQUIRE(read->fleet == intent.fleet);
  REQUIRE(read->name == intent.name);
  REQUIRE(read->uuid == intent.uuid);
  REQUIRE(read->boot_id == intent.boot_id);
  REQUIRE(read->created_ms == intent.created_ms);
  REQUIRE(read->argv == intent.argv);
  REQUIRE(read->spec_hash == intent.spec_hash);
  REQUIRE(read->accel == intent.accel);
  REQUIRE(read->paused);
  REQUIRE(read->forwards == intent.forwards);
  REQUIRE(read->named_forwards == intent.named_forwards);
  REQUIRE(read->readiness == intent.readiness);
  REQUIRE(read->exit_codes == intent.exit_codes);
  REQUIRE(read->staged_files == intent.staged_files);
  REQUIRE(read->labels == intent.labels);
  REQUIRE(read->ssh == intent.ssh);
  intent.ssh.reset();
  write_intent(directory, intent);
  REQUIRE_FALSE(read_intent(directory)->ssh);
}

TEST_CASE("the host's boot has an id that stays the same") {
  REQUIRE(host_boot_id().size() == 36);
  REQUIRE(host_boot_id() == host_boot_id());
}
