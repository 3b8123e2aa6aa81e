// SPDX-License-Identifier: MIT
// The wires: made once, private, and ready before QEMU is.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/locks.hpp>

#include "machine/wiring.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

TEST_CASE("wires are made for every descriptor that QEMU is promised") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const Wiring wiring(directory);
  std::set<int> targets;
  for (const auto& [target, source] : wiring.descriptors()) {
    INFO(target);
    REQUIRE(::fcntl(source, F_GETFD) == FD_CLOEXEC);
    targets.insert(target);
  }
  REQUIRE(targets == std::set<int>{0, 1, 2, Wires::kControlFd, Wires::kQmpFd, Wires::kMonitorFd,
                                   Wires::kAgentFd, Wires::kAliveFd, Wires::kSerialInFd});
  REQUIRE(is_alive(directory));
}

TEST_CASE("the event monitor's input is filled before QEMU exists") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const Wiring wiring(directory);
  char buffer[100];
  const ssize_t count = ::read(wiring.descriptors()[0].second, buffer, sizeof buffer);
  REQUIRE(std::string(buffer, static_cast<std::size_t>(count)) ==
          "{\"execute\": \"qmp_capabilities\"}\n");
}

TEST_CASE("no wire is open to others") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const Wiring wiring(directory);
  for (const char* name : {instance_file::kSerial, instance_file::kSerialIn, instance_file::kEvents,
                           instance_file::kEventsIn, instance_file::kQemuErr, instance_file::kAlive,
                           instance_file::kWorkingDirectory}) {
    struct stat status {};
    INFO(name);
    REQUIRE(::stat(directory.file(name).c_str(), &status) == 0);
    REQUIRE((status.st_mode & 077) == 0);
  }
}

TEST_CASE("wires are not made twice") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  const Wiring wiring(directory);
  REQUIRE_THROWS_AS(Wiring(directory), Error);
}

TEST_CASE("a serial pipe has an output that goes nowhere") {
  const TempDir root;
  const auto directory = InstanceDirectory::create(root.path(), "demo", "vm-0");
  { const Wiring wiring(directory, true); }
  REQUIRE(std::filesystem::read_symlink(directory.file(instance_file::kSerialOut)) == "/dev/null");
}
