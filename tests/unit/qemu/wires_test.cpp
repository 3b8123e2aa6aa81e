// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/wires.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/qemu/arguments.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

bool contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

}  // namespace

TEST_CASE("an instance's wires are inherited listening sockets and append-only files") {
  const CommandLine line = build_command_line(MachineConfig(), Wires::in_directory("/run/a,b"));
  const auto chardevs = values_of(line, "-chardev");
  REQUIRE(contains(chardevs, "socket,id=control,fd=3,server=on,wait=off"));
  REQUIRE(contains(chardevs, "socket,id=qmp,fd=4,server=on,wait=off"));
  REQUIRE(contains(chardevs, "socket,id=monitor,fd=5,server=on,wait=off"));
  REQUIRE(contains(chardevs, "socket,id=agent0,fd=6,server=on,wait=off"));
  REQUIRE(contains(chardevs, "stdio,id=events,signal=off"));
  REQUIRE(contains(chardevs, "file,id=serial0,path=/run/a,,b/serial.log,append=on"));
  REQUIRE(contains(values_of(line, "-mon"), "chardev=control,mode=control"));
  REQUIRE(contains(values_of(line, "-mon"), "chardev=events,mode=control"));
  REQUIRE(contains(values_of(line, "-mon"), "chardev=qmp,mode=control"));
  REQUIRE(contains(values_of(line, "-mon"), "chardev=monitor,mode=readline"));
  REQUIRE(value_of(line, "-serial") == "chardev:serial0");
  REQUIRE(value_of(line, "-pidfile") == "/run/a,b/pid");
}

TEST_CASE("without wires the same devices have null backends") {
  const CommandLine bare = build_command_line(MachineConfig());
  const CommandLine wired = build_command_line(MachineConfig(), Wires::in_directory("/run"));
  REQUIRE(values_of(bare, "-device") == values_of(wired, "-device"));
  REQUIRE(values_of(bare, "-serial") == values_of(wired, "-serial"));
  REQUIRE(values_of(bare, "-mon").empty());
  REQUIRE(values_of(bare, "-chardev") ==
          std::vector<std::string>{"null,id=serial0", "null,id=agent0"});
}

TEST_CASE("serial input is named on the command line only where QEMU accepts it") {
  MachineConfig config;
  const Wires wires = Wires::in_directory("/run");
  REQUIRE_FALSE(
      contains(values_of(build_command_line(config, wires), "-chardev"),
               "file,id=serial0,path=/run/serial.log,input-path=/run/serial.in,append=on"));
  config.features.chardev_input_path = true;
  REQUIRE(contains(values_of(build_command_line(config, wires), "-chardev"),
                   "file,id=serial0,path=/run/serial.log,input-path=/run/serial.in,append=on"));
}

TEST_CASE("a serial port that keeps its backend has a pipe, whose output is only logged") {
  MachineConfig config;
  config.arch = Arch::aarch64;
  const Wires wires = Wires::in_directory("/a,b");
  REQUIRE(serial_is_pipe(config));
  REQUIRE(contains(values_of(build_command_line(config, wires), "-chardev"),
                   "pipe,id=serial0,path=/a,,b/serial,logfile=/a,,b/serial.log,logappend=on"));
  config.features.chardev_input_path = true;
  REQUIRE(contains(values_of(build_command_line(config, wires), "-chardev"),
                   "file,id=serial0,path=/a,,b/serial.log,input-path=/a,,b/serial.in,append=on"));
}
