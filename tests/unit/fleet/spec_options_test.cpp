// SPDX-License-Identifier: MIT
#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("without a file and options there is one machine of the default image") {
  const FleetSpec fleet = FleetSpec::from_options(FleetOptions());
  REQUIRE(fleet.machines.size() == 1);
  REQUIRE(fleet.machines[0].config.name == "vm-0");
  REQUIRE(fleet.machines[0].image == "tiny");
  REQUIRE(fleet.machines[0].config.nets.at(0).forwards.at(0).name == "ssh");
}

TEST_CASE("options describe every machine of the fleet") {
  FleetOptions options;
  options.fleet = "demo";
  options.count = 8;
  options.kernel = "/k";
  options.initrd = "/i";
  options.append = "console=ttyS0 quiet";
  options.disks = {"/a.qcow2", "/b.img"};
  options.memory = "512M";
  options.cpus = "2";
  options.accel = "tcg";
  options.arch = "x64";
  options.qemu = "/opt/qemu";
  options.machine = "pc";
  options.cpu = "qemu64";
  options.forwards = {"ssh:22", "80"};
  options.ready = {"serial=a=b", "serial=c", "regex=x+", "port=80", "ssh", "agent", "exit"};
  options.qemu_args = {"-no-hpet"};
  const FleetSpec fleet = FleetSpec::from_options(options);
  REQUIRE(fleet.name == "demo");
  REQUIRE(fleet.machines.size() == 8);
  const MachineSpec& machine = fleet.machines[7];
  REQUIRE(machine.config.name == "vm-7");
  REQUIRE(machine.image.empty());
  REQUIRE(machine.config.kernel == "/k");
  REQUIRE(machine.config.initrd == "/i");
  REQUIRE(machine.config.append == std::vector<std::string>{"console=ttyS0 quiet"});
  REQUIRE(machine.config.disks.at(0).format == DiskFormat::qcow2);
  REQUIRE(machine.config.disks.at(1).file == "/b.img");
  REQUIRE(machine.config.memory == Bytes::mebi(512));
  REQUIRE(machine.config.cpus == 2);
  REQUIRE(machine.config.accel == Accelerator::tcg);
  REQUIRE(machine.config.qemu == "/opt/qemu");
  REQUIRE(machine.config.machine == "pc");
  REQUIRE(machine.config.cpu == "qemu64");
  REQUIRE(machine.config.nets.at(0).forwards.size() == 2);
  REQUIRE(machine.ready.serial == std::vector<std::string>{"a=b", "c"});
  REQUIRE(machine.ready.regex == std::vector<std::string>{"x+"});
  REQUIRE(machine.ready.ports == std::vector<std::string>{"80"});
  REQUIRE(machine.ready.ssh);
  REQUIRE(machine.ready.agent);
  REQUIRE(machine.ready.exit);
  REQUIRE(machine.config.qemu_args == std::vector<std::string>{"-no-hpet"});
}

TEST_CASE("relative paths of options start in the working directory") {
  FleetOptions options;
  options.kernel = "k";
  const std::filesystem::path here = std::filesystem::current_path();
  REQUIRE(FleetSpec::from_options(options).machines[0].config.kernel == here / "k");
  REQUIRE(FleetSpec::from_options(options).directory == here);
}

TEST_CASE("a wrong option is called by its name") {
  FleetOptions options;
  options.count = 0;
  options.memory = "lots";
  options.cpus = "two";
  options.accel = "kvn";
  options.forwards = {"x:y:z"};
  options.ready = {"seril=x", "port=web", "regex=a("};
  const auto problems = problems_of([&] { FleetSpec::from_options(options); });
  REQUIRE(problems.size() == 8);
  std::string all;
  for (const auto& problem : problems) all += problem + "\n";
  INFO(all);
  for (const char* expected :
       {"-n: 0 is not in 1..1024", "--memory: ", "--cpus: must be an integer, and is a string",
        "--accel: unknown accelerator \"kvn\" (did you mean \"kvm\"?)",
        "--forward: ", "--ready: unknown word \"seril\" (did you mean \"serial\"?)",
        "--ready: there is no forward \"web\""}) {
    REQUIRE_THAT(all, ContainsSubstring(expected));
  }
}

TEST_CASE("ten thousand machines are refused before any is described") {
  FleetOptions options;
  options.count = 10'000;
  REQUIRE(problems_of([&] { FleetSpec::from_options(options); }) ==
          Lines{"-n: 10000 is not in 1..1024"});
}

TEST_CASE("several machines cannot have the same host port") {
  FleetOptions options;
  options.count = 2;
  options.forwards = {"web:8080:80"};
  const auto problems = problems_of([&] { FleetSpec::from_options(options); });
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0],
               ContainsSubstring("--forward: vm-0 and vm-1 cannot both have host port 8080/tcp"));
}
