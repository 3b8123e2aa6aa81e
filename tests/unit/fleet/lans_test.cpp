// SPDX-License-Identifier: MIT
#include "fleet/lan_hosts.hpp"

#include <set>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/qemu/command_line.hpp>
#include <vmfleet/qemu/injected_files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::string kBlue = "image='x'\nnet=[{type='lan', lan='blue'}]\n";

std::string address_of(const FleetSpec& spec, const std::string& name, std::size_t net = 0) {
  for (const MachineSpec& machine : spec.machines) {
    if (machine.config.name == name) return machine.config.nets.at(net).address;
  }
  return "no such machine";
}

std::string file_of(const MachineConfig& config, const std::string& name) {
  for (const Injection& file : config.injections) {
    if (firmware_name(config, file) == name) return file.text.value();
  }
  return "";
}

Intent recorded(const std::string& name, const std::string& address) {
  Intent intent;
  intent.name = name;
  intent.nets = json::Array{json::Object{{"lan", "blue"}, {"address", address}}};
  return intent;
}

/// What is on disk when this machine has been started.
void start(FleetRecord& record, const FleetSpec& spec, const std::string& name) {
  Intent intent = recorded(name, address_of(spec, name));
  for (const MachineSpec& machine : spec.machines) {
    if (machine.config.name == name) intent.spec = machine.source;
  }
  record[name] = intent;
}

std::string class_text(const std::string& name) {
  return "[machine." + name + "]\n" + kBlue;
}

/// A class whose address depends on whether it comes before `db` or after it.
std::string rival_of_db() {
  for (int i = 0;; ++i) {
    std::string name = "c" + std::to_string(i);
    const FleetSpec spec = parse_toml(class_text(name) + class_text("db"));
    if (address_of(spec, "db") != address_of(parse_toml(class_text("db")), "db")) return name;
  }
}

}  // namespace

TEST_CASE("every machine of a LAN has an address of its own in one network") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "[machine.c" + std::to_string(i) + "]\ncount=9\n" + kBlue;
  const FleetSpec spec = parse_toml(text);
  std::set<std::string> addresses;
  const std::string first = spec.machines[0].config.nets[0].address;
  const std::string network = first.substr(0, first.find('.', 3));
  for (const MachineSpec& machine : spec.machines) {
    const std::string& address = machine.config.nets[0].address;
    REQUIRE(address.rfind(network + ".", 0) == 0);
    REQUIRE(address.substr(address.find('/')) == "/16");
    addresses.insert(address);
  }
  REQUIRE(addresses.size() == 540);
}

TEST_CASE("addresses stay when the fleet grows") {
  const FleetSpec small = parse_toml("[machine.web]\ncount=2\n" + kBlue);
  const FleetSpec large =
      parse_toml("[machine.web]\ncount=1024\n" + kBlue + "[machine.db]\n" + kBlue);
  REQUIRE(address_of(small, "web-1") == address_of(large, "web-1"));
  REQUIRE(small.machines[1].hash == large.machines[1].hash);
  const std::string last = address_of(large, "web-1023");
  REQUIRE(last.substr(last.rfind('.')) == ".0/16");
}

TEST_CASE("each LAN is a network of its own, and a machine may be on several") {
  const FleetSpec spec = parse_toml(
      "[machine.web]\nimage='x'\nnet=[{type='lan', lan='blue'}, {type='lan', lan='red'}, "
      "{type='lan', lan='red'}, {type='user'}]\n");
  const std::string blue = address_of(spec, "web", 0);
  const std::string red = address_of(spec, "web", 1);
  REQUIRE(blue.substr(0, 6) != red.substr(0, 6));
  REQUIRE(address_of(spec, "web", 2).empty());
  REQUIRE(address_of(spec, "web", 3).empty());
}

TEST_CASE("on a LAN with addresses of the file, nobody gets another one") {
  const FleetSpec spec = parse_toml(
      "[machine.router]\nimage='x'\nnet=[{type='lan', lan='blue', address='192.168.5.1/24'}]\n"
      "[machine.web]\n" +
      kBlue);
  REQUIRE(address_of(spec, "router") == "192.168.5.1/24");
  REQUIRE(address_of(spec, "web").empty());
}

TEST_CASE("a machine is recalled with its address, and as the same machine") {
  const FleetSpec spec = parse_toml("[machine.db]\n" + kBlue + "[machine.web]\ncount=3\n" + kBlue);
  const MachineSpec& web = spec.machines[3];
  const MachineSpec again = recall(web.source, "/state");
  REQUIRE(again.config.nets == web.config.nets);
  REQUIRE(again.hash == web.hash);
}

TEST_CASE("more classes than there are addresses for are refused") {
  std::string text;
  for (int i = 0; i < 64; ++i) text += "[machine.c" + std::to_string(i) + "]\n" + kBlue;
  const auto problems = problems_in(text);
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0], ContainsSubstring("set address"));
}

TEST_CASE("an address is one of a LAN or tap, whole, and one machine's") {
  REQUIRE(problems_in_machine("net=[{address='10.0.0.1/24'}]").size() == 1);
  REQUIRE(problems_in_machine("net=[{type='lan', lan='l', address='10.0.0.1'}]").size() == 1);
  REQUIRE(problems_in_machine("net=[{type='lan', lan='l', address='10.0.0.1/33'}]").size() == 1);
  REQUIRE(problems_in_machine("net=[{type='tap', interface='t', address='10.0.0.1/8'}]").empty());
  const std::string both = "count=2\nnet=[{type='lan', lan='l', address='10.0.0.";
  const auto problems = problems_in_machine(both + "1/24'}]");
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0],
               ContainsSubstring("web-0 and web-1 cannot both have 10.0.0.1 on LAN l"));
  REQUIRE(problems_in_machine(both + "{index}/24'}]").empty());
}

TEST_CASE("a guest is told its addresses, and the names on its own LANs only") {
  FleetSpec spec = parse_toml(
      "[machine.web]\nimage='x'\n"
      "net=[{}, {type='lan', lan='blue', address='10.5.0.1/16', mac='52:54:00:AB:00:01'}]\n"
      "[machine.db]\nimage='x'\n"
      "net=[{type='lan', lan='blue', address='10.5.0.2/16'}, "
      "{type='lan', lan='red', address='10.6.0.2/16'}]\n");
  FleetRecord record;
  record["old-0"] = recorded("old-0", "10.5.9.1/16");
  const auto hosts = find_lan_hosts(spec, {}, record);
  MachineConfig& web = spec.machines[0].config;
  add_lan_files(web, hosts);
  REQUIRE(file_of(web, "opt/vmfleet/addresses") == "52:54:00:ab:00:01 10.5.0.1/16\n");
  REQUIRE(file_of(web, "opt/vmfleet/hosts") ==
          "10.5.0.1 web web.blue\n10.5.0.2 db db.blue\n10.5.9.1 old-0 old-0.blue\n");
  MachineConfig& db = spec.machines[1].config;
  add_lan_files(db, hosts);
  REQUIRE_THAT(file_of(db, "opt/vmfleet/hosts"), ContainsSubstring("10.6.0.2 db db.red\n"));
}

TEST_CASE("names on LANs are in no command line, however many they are") {
  FleetSpec spec = parse_toml("[machine.web]\ncount=1024\n" + kBlue);
  MachineConfig& config = spec.machines[0].config;
  config.qemu = "qemu-system-x86_64";
  add_lan_files(config, find_lan_hosts(spec, {}, FleetRecord()));
  REQUIRE(file_of(config, "opt/vmfleet/hosts").size() > 16 * 1024);
  const auto command = build_command_line(config, Wires::in_directory("/state/demo/web-0"));
  for (const std::string& word : command.argv) REQUIRE(word.size() < 1024);
}

TEST_CASE("a machine without a LAN is told nothing") {
  FleetSpec spec = parse_toml("[machine.web]\nimage='x'\n");
  MachineConfig& config = spec.machines[0].config;
  const std::vector<Injection> before = config.injections;
  add_lan_files(config, find_lan_hosts(spec, {}, read_fleet_record("/nonexistent")));
  REQUIRE(config.injections.size() == before.size());
  REQUIRE(config.fw_cfg.empty());
}

TEST_CASE("who was there first keeps its address, wherever others are put in the file") {
  const std::string rival = rival_of_db();
  const FleetSpec before = parse_toml(class_text("db"));
  FleetRecord record;
  start(record, before, "db");
  FleetSpec after = parse_toml(class_text(rival) + class_text("db"));
  REQUIRE(address_of(after, rival) == address_of(before, "db"));
  keep_lan_addresses(after.machines, record);
  CHECK(address_of(after, "db") == address_of(before, "db"));
  CHECK(address_of(after, rival) != address_of(before, "db"));
  CHECK(after.machines[1].hash == before.machines[0].hash);
  CHECK(after.machines[1].source["lan"] == before.machines[0].source["lan"]);
  start(record, after, rival);
  const std::string others = address_of(after, rival);
  after = parse_toml(class_text("db") + class_text(rival));  // and the other way around
  keep_lan_addresses(after.machines, record);
  CHECK(address_of(after, rival) == others);
}

TEST_CASE("a machine that the file has no more keeps its address from the others") {
  const std::string rival = rival_of_db();
  FleetRecord record;
  const FleetSpec before = parse_toml(class_text("db"));
  start(record, before, "db");
  FleetSpec after = parse_toml(class_text(rival));
  keep_lan_addresses(after.machines, record);
  REQUIRE(address_of(after, rival) != address_of(before, "db"));
}

TEST_CASE("a recorded address is kept only where the choice is not the file's") {
  const std::string given = "[machine.db]\nimage='x'\nnet=[{type='lan', lan='blue', address='";
  FleetRecord record;
  start(record, parse_toml(given + "10.64.0.1/16'}]\n"), "db");
  FleetSpec chosen = parse_toml(class_text("db"));
  const std::string planned = address_of(chosen, "db");
  keep_lan_addresses(chosen.machines, record);
  CHECK(address_of(chosen, "db") == planned);
  start(record, chosen, "db");
  FleetSpec again = parse_toml(given + "10.64.0.2/16'}]\n");
  keep_lan_addresses(again.machines, record);
  CHECK(address_of(again, "db") == "10.64.0.2/16");
  CHECK(again.machines[0].hash != chosen.machines[0].hash);
}

TEST_CASE("names lead to the addresses that running machines have") {
  const std::string start_of = "image='x'\nnet=[{type='lan', lan='blue', address='10.5.0.";
  const FleetSpec spec =
      parse_toml("[machine.web]\n" + start_of + "1/16'}]\n[machine.db]\n" + start_of + "2/16'}]\n");
  FleetRecord record;
  record["db"] = recorded("db", "10.5.0.9/16");
  const auto address_of_db = [&](const std::vector<std::string>& starting) {
    return find_lan_hosts(spec, starting, record).at(1).address;
  };
  CHECK(address_of_db({"web"}) == "10.5.0.9");
  CHECK(address_of_db({"web", "db"}) == "10.5.0.2");
}

TEST_CASE("the record of a fleet is what its folders hold") {
  const TempDir root;
  CHECK(read_fleet_record(root / "demo").empty());
  write_intent(InstanceDirectory::create(root.path(), "demo", "db"), recorded("db", "10.5.0.9/16"));
  InstanceDirectory::create(root.path(), "demo", "empty");
  const FleetRecord record = read_fleet_record(root / "demo");
  REQUIRE(record.size() == 1);
  CHECK(record.at("db").name == "db");
}
