// SPDX-License-Identifier: MIT
// Operation: one up, stop or down under way, and who is told of it. Private to this room.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/fleet/progress.hpp>
#include <vmfleet/instance/record.hpp>

namespace vmfleet {

class Operation {
 public:
  Operation(Loop& loop, ProgressObserver observer)
      : loop_(loop), began_(loop.now()), observer_(std::move(observer)) {}

  [[nodiscard]] Milliseconds elapsed() const {
    return std::chrono::duration_cast<Milliseconds>(loop_.now() - began_);
  }

  void tell(std::string machine, MachineState state, std::string_view detail = {}) const {
    if (!observer_) return;
    ProgressEvent event;
    event.machine = std::move(machine);
    event.state = state;
    event.elapsed = elapsed();
    event.detail = detail;
    observer_(event);
  }

  /// Of what the machine in this directory has lost; who only works on it looks at no table.
  void tell_of_lost_records(const std::filesystem::path& directory) const {
    try {
      for (const auto& lost : lost_records(InstanceDirectory::open(directory))) {
        const std::string name = directory.filename().string();
        tell("", MachineState::created, fmt::format("warning: {}: {}", name, lost));
      }
    } catch (const Error&) {
      // There is none, or the work itself fails by that.
    }
  }

 private:
  Loop& loop_;
  TimePoint began_;
  ProgressObserver observer_;
};

}  // namespace vmfleet
