// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/validate.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

QemuBinary known_binary() {
  QemuBinary binary;
  binary.path = "/usr/bin/qemu-system-x86_64";
  binary.machine_types = {{"microvm", 288}, {"pc", 255}, {"q35", 288}};
  binary.cpu_models = {"Haswell", "Haswell-v1", "max"};
  return binary;
}

std::vector<std::string> told(const MachineConfig& config, const QemuBinary& binary) {
  std::vector<std::string> lines;
  for (const auto& problem : find_problems(config, binary)) {
    lines.push_back(problem.key + ": " + problem.message + " (" + problem.hint + ")");
  }
  return lines;
}

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("what the binary has is no problem") {
  MachineConfig config;
  REQUIRE(told(config, known_binary()).empty());
  config.machine = "pc,hpet=off";
  config.cpu = "Haswell,-hle";
  config.cpus = 255;
  REQUIRE(told(config, known_binary()).empty());
  config.cpu = "host";
  REQUIRE(told(config, known_binary()).empty());
}

TEST_CASE("an unknown machine type or CPU model is answered with the near ones") {
  MachineConfig config;
  config.machine = "q53";
  config.cpu = "Haswel";
  REQUIRE(told(config, known_binary()) ==
          Told{"machine: qemu-system-x86_64 has no machine type \"q53\" (did you mean q35?)",
               "cpu: qemu-system-x86_64 has no CPU model \"Haswel\" (did you mean Haswell, "
               "Haswell-v1?)"});
  config = MachineConfig();
  config.machine = "sparc-station";
  REQUIRE(told(config, known_binary()) ==
          Told{"machine: qemu-system-x86_64 has no machine type \"sparc-station\" (this QEMU has: "
               "q35, pc, microvm and others)"});
}

TEST_CASE("a machine type has room for so many CPUs") {
  MachineConfig config;
  config.machine = "pc";
  config.cpus = 256;
  REQUIRE(told(config, known_binary()) ==
          Told{"cpus: 256 are more than the 255 that machine type \"pc\" has (use fewer cpus)"});
}

TEST_CASE("what a binary does not tell is not held against the configuration") {
  MachineConfig config;
  config.machine = "new-type";
  config.cpu = "new-model";
  REQUIRE(told(config, QemuBinary()).empty());
}
