// SPDX-License-Identifier: MIT
// Progress: what a fleet operation tells while it works.
#pragma once

#include <functional>
#include <string>

#include <vmfleet/base/units.hpp>
#include <vmfleet/machine/machine_report.hpp>

namespace vmfleet {

struct ProgressEvent {
  ProgressEvent() = default;

  std::string machine;  ///< empty: about the whole fleet (building an image, say)
  MachineState state = MachineState::created;
  Milliseconds elapsed{0};  ///< since the operation began
  std::string detail;       ///< the step, the last console line, the error
};

using ProgressObserver = std::function<void(const ProgressEvent&)>;

}  // namespace vmfleet
