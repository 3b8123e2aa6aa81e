// SPDX-License-Identifier: MIT
// Waiting for the turns in a machine's life, whoever brings them about.
#include <vmfleet/async/time.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/machine/machine.hpp>

namespace vmfleet {

namespace {

// The start of a machine ends with a new record, but a command that was killed writes none.
constexpr Milliseconds kLookAgain(1'000);

/// Its record as it changes.
class Record {
 public:
  Record(Loop& loop, const std::filesystem::path& directory)
      : tail_(loop, directory / instance_file::kState) {}

  /// What comes after this call counts as a change.
  void look() {
    while (!tail_.poll().data.empty()) continue;
  }

  Task<void> changed() {
    try {
      co_await with_timeout(kLookAgain, tail_.next());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::timed_out) throw;
    }
  }

 private:
  FileTail tail_;
};

bool is_worked_on(const std::filesystem::path& directory, MachineState state) {
  return inspect_machine(directory).state == state &&
         OperationLock::held(InstanceDirectory::open(directory));
}

}  // namespace

Task<void> wait_until_started(std::filesystem::path directory) {
  Loop& loop = co_await current_loop();
  Record record(loop, directory);
  for (;;) {
    record.look();
    // A start after a crash looks like the end of a stop, until it has a record of its own.
    if (!is_worked_on(directory, MachineState::starting) &&
        !is_worked_on(directory, MachineState::stopping)) {
      co_return;
    }
    co_await record.changed();
  }
}

Task<void> wait_until_ended(std::filesystem::path directory) {
  Loop& loop = co_await current_loop();
  try {
    Record record(loop, directory);
    for (;;) {
      record.look();
      const auto opened = InstanceDirectory::open(directory);
      if (const auto qemu = find_qemu(opened)) {
        co_await qemu->wait_end();
        co_return;
      }
      if (is_worked_on(directory, MachineState::starting)) {
        co_await record.changed();
        continue;
      }
      // One that is just ending cannot be found any more.
      const bool ended = co_await await_death(opened, kLookAgain);
      if (ended) co_return;
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;  // removed: it has ended
  }
}

}  // namespace vmfleet
