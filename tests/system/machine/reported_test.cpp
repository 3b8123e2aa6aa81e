// SPDX-License-Identifier: MIT
// What a paused QEMU reports is what was asked for, whatever the text.
#include <filesystem>
#include <random>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/commands.hpp>
#include <vmfleet/testkit/catch2.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Text that a file may be called, and that QEMU's own syntax gives a meaning to.
std::string hostile_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      ",", "=", "\"", "'",    " ",     "\t",    "\\",   "\xc3\xbc", "%s", "-",    "--", "{",   "}",
      ":", "a", "0",  "nbd:", "json:", "file=", "id=x", ",,",       "on", "$(x)", "`",  "\x1b"};
  std::string text;
  for (std::size_t i = 1 + random() % 10; i > 0; --i) text += kPieces[random() % kPieces.size()];
  return text;
}

std::string quoted_evenly(std::string text) {
  if (std::count(text.begin(), text.end(), '"') % 2 != 0) text += '"';
  return text;
}

/// A property of a QEMU object.
Task<json::Value> ask(qmp::Client& client, std::string path, std::string property) {
  json::Object where;
  where.set("path", std::move(path)).set("property", std::move(property));
  co_return co_await client.execute("qom-get", std::move(where));
}

struct Asked {
  explicit Asked(const std::filesystem::path& folder, std::mt19937& random) {
    config = bare_config();
    config.paused = true;
    config.cpus = 1 + random() % 4;
    config.memory = Bytes::mebi(32 + random() % 32);
    const auto kernel = folder / ("k" + hostile_text(random));
    std::filesystem::copy_file(testkit::guest_path("marker"), kernel,
                               std::filesystem::copy_options::overwrite_existing);
    const auto initrd = folder / ("i" + hostile_text(random));
    std::filesystem::copy_file(kernel, initrd, std::filesystem::copy_options::overwrite_existing);
    config.kernel = kernel.string();
    config.initrd = initrd.string();
    config.append = {quoted_evenly(hostile_text(random)), quoted_evenly(hostile_text(random))};
    add_shares(folder, random);
    add_nets(random);
    config.attach(Balloon());
  }

  void add_shares(const std::filesystem::path& folder, std::mt19937& random) {
    const auto shared = folder / ("s" + hostile_text(random));
    std::filesystem::create_directory(shared);
    config.shares.resize(2);
    for (Share& share : config.shares) share.path = shared.string();
    config.shares[0].tag = hostile_text(random).substr(0, 20) + "x";
    config.shares[0].writable = random() % 2 == 0;
    config.shares[1].type = ShareType::vfat;
  }

  void add_nets(std::mt19937& random) {
    const auto byte = [&] { return static_cast<unsigned>(random() % 256); };
    config.nets.resize(3);
    Net& user = config.nets[0];
    const unsigned second = byte();
    const unsigned third = byte();
    user.subnet = fmt::format("10.{}.{}.0/24", second, third);
    user.dhcp_start = fmt::format("10.{}.{}.77", second, third);
    user.dns = fmt::format("10.{}.{}.53", second, third);
    user.host = fmt::format("10.{}.{}.1", second, third);
    user.restrict_guest = random() % 2 == 0;
    user.forwards = {Forward("ssh", 22), Forward("dns", 53)};
    user.forwards[1].protocol = Protocol::udp;
    config.nets[1].type = config.nets[2].type = NetType::lan;
    config.nets[1].lan = "blue";
    config.nets[2].lan = "green";
    config.nets[2].mac = fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", byte(), byte(), byte());
  }

  MachineConfig config;
};

Task<void> compare_machine(qmp::Client& client, const MachineConfig& config) {
  for (const auto& [property, text] :
       {std::pair("kernel", config.kernel), std::pair("initrd", config.initrd),
        std::pair("append", join(kernel_arguments(config), " "))}) {
    const json::Value seen = co_await ask(client, "/machine", property);
    INFO(property);
    REQUIRE(*seen.as_string() == text);
  }
  const json::Value name = co_await client.execute("query-name");
  REQUIRE(name.text("name") == config.name);
  const json::Value cpus = co_await client.execute("query-cpus-fast");
  REQUIRE(cpus.as_array()->size() == config.cpus);
  const json::Value memory = co_await client.execute("query-memory-size-summary");
  REQUIRE(memory.integer("base-memory", 0) == static_cast<std::int64_t>(config.memory.count()));
  const json::Value balloon = co_await client.execute("query-balloon");
  REQUIRE(balloon.integer("actual", 0) == static_cast<std::int64_t>(config.memory.count()));
}

Task<void> compare_shares(qmp::Client& client, const MachineConfig& config) {
  const json::Value tag = co_await ask(client, "/machine/peripheral/share0", "mount_tag");
  REQUIRE(*tag.as_string() == config.shares[0].tag);
  const json::Value nodes = co_await client.execute("query-named-block-nodes");
  bool found = false;
  for (const json::Value& node : *nodes.as_array()) {
    if (node.text("node-name") != "share1") continue;
    found = true;
    REQUIRE(node.flag("ro", false));
  }
  REQUIRE(found);
}

Task<void> compare_nets(qmp::Client& client, const MachineConfig& config) {
  for (std::size_t i = 0; i < config.nets.size(); ++i) {
    const json::Value mac =
        co_await ask(client, fmt::format("/machine/peripheral/nic{}", i), "mac");
    const std::string& asked = config.nets[i].mac;
    REQUIRE(*mac.as_string() == (asked.empty() ? derive_mac(config.fleet, config.name, i) : asked));
  }
  const std::string network = co_await qmp::human_monitor_command(client, "info network");
  INFO(network);
  const Net& user = config.nets[0];
  REQUIRE_THAT(network, ContainsSubstring("net=" + user.subnet.substr(0, user.subnet.find('/'))));
  REQUIRE_THAT(network, ContainsSubstring(user.restrict_guest ? "restrict=on" : "restrict=off"));
  const auto ports = parse_usernet(co_await qmp::human_monitor_command(client, "info usernet"));
  REQUIRE(ports.size() == 2);
  for (const PortForward& port : ports) {
    REQUIRE(port.host_addr == "127.0.0.1");
    REQUIRE(port.guest_addr == user.dhcp_start);
    REQUIRE(port.guest_port == (port.protocol == "udp" ? 53 : 22));
  }
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("what a paused QEMU reports of a machine is what was asked for") {
  ProcessLeakGuard guard;
  constexpr unsigned kSeed = 20'26;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 25; ++round) {
    const TempDir root;
    const Asked asked(root.path(), random);
    INFO("seed " << kSeed << ", round " << round << ", " << json::write(describe(asked.config)));
    MachineConfig config = asked.config;
    config.fleet = "reported";
    Machine machine = co_await Machine::launch(config, LaunchOptions());
    REQUIRE(machine.ports().size() == 2);
    auto client = co_await machine.connect();
    const std::string uuid = co_await qmp::query_uuid(client);
    REQUIRE(uuid == machine.uuid());
    co_await compare_machine(client, config);
    co_await compare_shares(client, config);
    co_await compare_nets(client, config);
  }
}
