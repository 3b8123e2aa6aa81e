// SPDX-License-Identifier: MIT
#include <vmfleet/machine/template.hpp>

#include <fstream>
#include <functional>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

MachineConfig linux_machine() {
  MachineConfig config;
  config.fleet = "demo";
  config.name = "web-0";
  config.accel = Accelerator::tcg;
  config.nets.emplace_back();
  config.nets[0].forwards.emplace_back("ssh", 22);
  return config;
}

Readiness login() {
  Readiness readiness;
  readiness.serial = {"login:"};
  return readiness;
}

std::string why_not(const std::function<void(MachineConfig&)>& change) {
  MachineConfig config = linux_machine();
  change(config);
  return why_not_cloned(config, login()).value_or("");
}

std::string lacks(const std::function<void(MachineConfig&)>& change) {
  MachineConfig config = linux_machine();
  change(config);
  const auto reasons = why_not_unique(config);
  return reasons.empty() ? "" : reasons.front();
}

}  // namespace

TEST_CASE("a machine of its own disks, networks or moments is not cloned") {
  REQUIRE_FALSE(why_not_cloned(linux_machine(), login()).has_value());
  CHECK_THAT(why_not_cloned(linux_machine(), Readiness()).value_or(""),
             ContainsSubstring("no readiness"));
  Readiness end;
  end.exit = true;
  CHECK_THAT(why_not_cloned(linux_machine(), end).value_or(""), ContainsSubstring("only once"));
  Readiness event;
  event.events = {"RESUME"};
  CHECK_THAT(why_not_cloned(linux_machine(), event).value_or(""), ContainsSubstring("only once"));
  CHECK_THAT(why_not([](auto& config) { config.paused = true; }), ContainsSubstring("stay"));
  CHECK_THAT(why_not([](auto& config) { config.gdb = "1234"; }), ContainsSubstring("stay"));
  CHECK_THAT(why_not([](auto& config) { config.incoming = true; }), ContainsSubstring("by hand"));
  CHECK_THAT(why_not([](auto& config) { config.memory_file.emplace(); }),
             ContainsSubstring("by hand"));
  CHECK_THAT(why_not([](auto& config) {
               config.disks.emplace_back("/d");
               config.disks.back().mode = DiskMode::direct;
             }),
             ContainsSubstring("it writes to /d itself"));
  CHECK_THAT(why_not([](auto& config) { config.shares.emplace_back(); }),
             ContainsSubstring("shared folder"));
  CHECK_THAT(why_not([](auto& config) {
               config.nets.emplace_back();
               config.nets.back().type = NetType::tap;
             }),
             ContainsSubstring("a tap"));
  const auto on_a_lan = [](MachineConfig& config) {
    config.nets.emplace_back();
    config.nets.back().type = NetType::lan;
    config.nets.back().address = "10.64.0.1/16";
  };
  CHECK(why_not(on_a_lan).empty());
  CHECK_THAT(why_not([](auto& config) { config.attach(Vsock(7)); }), ContainsSubstring("vhost"));
  CHECK_THAT(why_not([](auto& config) {
               config.qemu_args = {"-device", "vfio-pci,host=0"};
             }),
             ContainsSubstring("qemu_args"));
  CHECK_THAT(why_not([](auto& config) { config.attach(Balloon()); }),
             ContainsSubstring("a balloon"));
  for (const DiskMode mode :
       {DiskMode::overlay, DiskMode::copy, DiskMode::snapshot, DiskMode::read_only}) {
    const auto add_disk = [mode](MachineConfig& config) {
      config.disks.emplace_back("/d");
      config.disks.back().mode = mode;
    };
    CHECK(why_not(add_disk).empty());
  }
}

TEST_CASE("clones that nobody could tell apart are known by what their machine lacks") {
  CHECK(why_not_unique(linux_machine()).empty());
  CHECK_THAT(lacks([](auto& config) { config.agent = false; }), ContainsSubstring("agent"));
  CHECK_THAT(lacks([](auto& config) { config.vmgenid = false; }),
             ContainsSubstring("generation id"));
  CHECK_THAT(lacks([](auto& config) { config.machine = "microvm"; }),
             ContainsSubstring("generation id"));
  CHECK_THAT(lacks([](auto& config) { config.arch = Arch::aarch64; }),
             ContainsSubstring("generation id"));
  CHECK_THAT(lacks([](auto& config) {
               config.nets.emplace_back();
               config.nets.back().type = NetType::lan;
             }),
             ContainsSubstring("not the host's choice"));
  CHECK_THAT(lacks([](auto& config) {
               config.injections.emplace_back();
               config.injections.back().via = InjectionWay::cloud_init;
             }),
             ContainsSubstring("via cloud-init"));
  CHECK_THAT(lacks([](auto& config) {
               config.injections.emplace_back();
               config.injections.back().path = "vmfleet/hostname";
               config.injections.back().text = "db.example";
             }),
             ContainsSubstring("its hostname is injected"));
  CHECK_THAT(lacks([](auto& config) {
               config.injections.emplace_back();
               config.injections.back().text = "callback 10.0.2.2:{port:web}";
             }),
             ContainsSubstring("names a port of the host"));
  CHECK_THAT(lacks([](auto& config) { config.append = {"callback=10.0.2.2:{port:web}"}; }),
             ContainsSubstring("name a port of the host"));
  MachineConfig bare = linux_machine();
  bare.agent = bare.vmgenid = false;
  CHECK(why_not_unique(bare).size() == 2);
  CHECK_FALSE(why_not_cloned(bare, login()).has_value());
}

TEST_CASE("machines share a template when they differ in name, address and ports alone") {
  const TempDir folder;
  std::ofstream(folder / "kernel") << "k";
  MachineConfig config = linux_machine();
  config.kernel = (folder / "kernel").string();
  const std::string key = template_key(config, login());
  MachineConfig sibling = config;
  sibling.fleet = "other";
  sibling.name = "web-1";
  sibling.uuid = "9c2b8f0e-0000-4000-8000-000000000000";
  sibling.nets[0].forwards[0].host_port = 2222;
  Injection hostname;
  hostname.path = "vmfleet/hostname";
  hostname.text = "web-1";
  sibling.injections.push_back(hostname);
  Readiness patient = login();
  patient.timeout = Milliseconds(1);
  CHECK(template_key(sibling, patient) == key);

  const auto differs = [&](const std::function<void(MachineConfig&)>& change) {
    MachineConfig other = config;
    change(other);
    return template_key(other, login()) != key;
  };
  CHECK(differs([](auto& other) { other.memory = Bytes::mebi(300); }));
  CHECK(differs([](auto& other) { other.cpus = 2; }));
  CHECK(differs([](auto& other) { other.nets[0].mac = "52:54:00:00:00:01"; }));
  CHECK(differs([](auto& other) { other.cpu = "qemu64"; }));
  CHECK(differs([](auto& other) { other.append = {"quiet"}; }));
  CHECK(differs([](auto& other) { other.nets.emplace_back(); }));
  CHECK(differs([](auto& other) { other.qemu_args = {"-S"}; }));
  Readiness other_text;
  other_text.serial = {"ready"};
  CHECK(template_key(config, other_text) != key);
}

TEST_CASE("a LAN's name and addresses make no other template, its place among the networks does") {
  MachineConfig config = linux_machine();
  config.nets.emplace_back();
  config.nets[1].type = NetType::lan;
  config.nets[1].lan = "blue";
  config.nets[1].address = "10.64.0.1/16";
  const std::string key = template_key(config, login());
  MachineConfig sibling = config;
  sibling.nets[1].lan = "red";
  sibling.nets[1].address = "10.65.0.7/16";
  for (const char* path : {"opt/vmfleet/hosts", "opt/vmfleet/addresses"}) {
    Injection& told = sibling.injections.emplace_back();
    told.path = path;
    told.text = "10.65.0.7 web-7\n";
  }
  CHECK(template_key(sibling, login()) == key);
  std::swap(sibling.nets[0], sibling.nets[1]);
  CHECK(template_key(sibling, login()) != key);
  config.nets[1].type = NetType::user;
  CHECK(template_key(config, login()) != key);
}

TEST_CASE("another content of a file is another template") {
  const TempDir folder;
  std::ofstream(folder / "kernel") << "k";
  std::ofstream(folder / "key.pub") << "one";
  MachineConfig config = linux_machine();
  config.kernel = (folder / "kernel").string();
  Injection injection;
  injection.source = (folder / "key.pub").string();
  config.injections.push_back(injection);
  const std::string key = template_key(config, login());
  std::ofstream(folder / "key.pub") << "two";
  const std::string other_key = template_key(config, login());
  CHECK(other_key != key);
  std::ofstream(folder / "disk") << "one";
  config.disks.emplace_back((folder / "disk").string());
  const std::string disk_key = template_key(config, login());
  const auto time = std::filesystem::last_write_time(folder / "disk");
  std::ofstream(folder / "disk") << "two";
  std::filesystem::last_write_time(folder / "disk", time);  // which hides nothing
  CHECK(template_key(config, login()) != disk_key);
  config.disks.clear();
  std::filesystem::remove(folder / "kernel");
  CHECK_THROWS_AS(template_key(config, login()), Error);
  std::ofstream(folder / "kernel") << "another kernel";
  const std::string kernel_key = template_key(config, login());
  CHECK(kernel_key != other_key);
  const auto kernel_time = std::filesystem::last_write_time(folder / "kernel");
  std::ofstream(folder / "kernel") << "a third kernel";
  std::filesystem::last_write_time(folder / "kernel", kernel_time);
  CHECK(template_key(config, login()) != kernel_key);
}
