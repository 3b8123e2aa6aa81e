// SPDX-License-Identifier: MIT
// What is said of machines by their directory and the kernel.
#include <atomic>
#include <fstream>
#include <list>
#include <optional>
#include <thread>

#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/machine/machine.hpp>

#include "machine/state_record.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

struct Place {
  Place() : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {}

  void record(MachineState state, const std::string& boot_id = host_boot_id()) const {
    Intent intent;
    intent.uuid = "u";
    intent.boot_id = boot_id;
    write_intent(directory, intent);
    StateRecord record;
    record.state = state;
    write_state(directory, record);
  }
  void live(std::int64_t started_ms) const {
    StateRecord record;
    record.state = MachineState::ready;
    record.started_ms = started_ms;
    write_state(directory, record);
  }
  void shut_down() const {
    std::ofstream(directory.file(instance_file::kEvents))
        << R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", )"
        << R"("data": {"guest": true, "reason": "guest-shutdown"}})"
        << "\r\n";
  }
  [[nodiscard]] MachineReport inspect() const { return inspect_machine(directory.path()); }

  TempDir temp;
  InstanceDirectory directory;
};

/// Whoever looks at a lock has it for a moment, and a busy host may make that a long one.
template <class Lock>
auto lock_at_last(const Place& place, Lock (*lock)(const InstanceDirectory&)) {
  for (;;) {
    try {
      return lock(place.directory);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::conflict) throw;
    }
  }
}

void live_once(const Place& place, std::int64_t started_ms) {
  std::optional<UniqueFd> alive;
  {
    const auto lock = lock_at_last(place, &OperationLock::acquire);
    alive = lock_at_last(place, &lock_alive);
    place.live(started_ms);
  }
  const auto lock = lock_at_last(place, &OperationLock::acquire);
  alive.reset();
  place.record(MachineState::stopped);
}

}  // namespace

TEST_CASE("a machine that was recorded alive and is not has crashed") {
  const Place place;
  place.record(MachineState::ready);
  const auto report = place.inspect();
  REQUIRE(report.state == MachineState::crashed);
  REQUIRE(report.exit.has_value());
  REQUIRE_FALSE(report.pid.has_value());
}

TEST_CASE("of ten thousand numbers of processes in its files none is believed") {
  const Place place;
  place.record(MachineState::ready);
  constexpr int kNumbers = 10'000;
  std::list<std::ofstream> files;
  for (const char* name : {instance_file::kPid, instance_file::kAlive, instance_file::kLock}) {
    files.emplace_back(place.directory.file(name));
  }
  for (int number = 1; number <= kNumbers; ++number) {
    for (auto& file : files) file.seekp(0) << number << std::endl;
    const auto report = place.inspect();
    if (report.pid || report.state != MachineState::crashed) FAIL(number);
  }
}

TEST_CASE(
    "of a disk that was full again and again the report tells the last moment and the number") {
  const Place place;
  place.record(MachineState::stopped);
  const auto note = [&](const char* lines) {
    std::ofstream(place.directory.file(instance_file::kFullDisk)) << lines;
  };
  REQUIRE(place.inspect().warnings.empty());
  note("100 1000\n");
  REQUIRE(place.inspect().warnings.size() == 1);
  REQUIRE_THAT(place.inspect().warnings[0], !ContainsSubstring("the last of"));
  note("100 1000\n200 2000\n300 3000\n");
  const auto report = place.inspect();
  REQUIRE(report.warnings.size() == 1);
  REQUIRE_THAT(report.warnings[0], ContainsSubstring("after byte 300"));
  REQUIRE_THAT(report.warnings[0], ContainsSubstring("the last of 3 times"));
}

TEST_CASE("after the host was restarted the report says so") {
  const Place place;
  place.record(MachineState::ready, "another-boot");
  REQUIRE(place.inspect().exit->kind == "host-reboot");
}

TEST_CASE("a machine that shut itself down has stopped") {
  const Place place;
  place.record(MachineState::ready);
  place.shut_down();
  REQUIRE(place.inspect().state == MachineState::stopped);
}

TEST_CASE("an end that is being recorded has its reason already") {
  const Place place;
  place.record(MachineState::ready);
  place.shut_down();
  const auto lock = OperationLock::acquire(place.directory);
  const auto report = place.inspect();
  REQUIRE(report.state == MachineState::stopping);
  REQUIRE(report.exit.has_value());
  REQUIRE(report.exit->reason == "the guest shut down");
}

TEST_CASE("a machine that another command ends and starts again has not crashed at any moment") {
  const Place place;
  place.record(MachineState::stopped);
  std::atomic<bool> over{false};
  int crashed = 0;
  {
    const std::jthread another([&] {
      constexpr int kLives = 2'000;
      for (int life = 1; life <= kLives; ++life) live_once(place, life);
      over = true;
    });
    while (!over) crashed += place.inspect().state == MachineState::crashed ? 1 : 0;
  }
  REQUIRE(crashed == 0);
}

TEST_CASE("an empty directory is a machine that was created") {
  const Place place;
  REQUIRE(place.inspect().state == MachineState::created);
}

TEST_CASE("a failed machine stays failed, with its error") {
  const Place place;
  StateRecord record;
  record.state = MachineState::failed;
  record.error = Error(ErrorKind::exited, "gone");
  write_state(place.directory, record);
  const auto report = place.inspect();
  REQUIRE(report.state == MachineState::failed);
  REQUIRE(std::string(report.error->message()) == "gone");
}

TEST_CASE("a corrupt record is reported once, and then rebuilt from what the kernel says") {
  const Place place;
  place.record(MachineState::ready);
  std::ofstream(place.directory.file(instance_file::kState), std::ios::trunc) << "{";
  const auto first = place.inspect();
  REQUIRE(first.error.has_value());
  REQUIRE(first.error->kind() == ErrorKind::corrupt);
  REQUIRE_FALSE(place.inspect().error.has_value());
}

TEST_CASE("while a command works on it a machine is starting") {
  const Place place;
  const auto lock = OperationLock::acquire(place.directory);
  REQUIRE(place.inspect().state == MachineState::starting);
  place.record(MachineState::starting);
  REQUIRE(place.inspect().state == MachineState::starting);
}
