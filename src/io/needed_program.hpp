// SPDX-License-Identifier: MIT
// NeededProgram: another program that something cannot be done without, run to its end.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/io/process.hpp>

namespace vmfleet {

class NeededProgram {
 public:
  NeededProgram(ProcessOptions options, std::string subject, Error missing)
      : process(std::move(options)), name(std::move(subject)), when_missing(std::move(missing)) {}

  ProcessOptions process;
  std::string name;    ///< what its errors are about: "the tool sh"
  Error when_missing;  ///< thrown when it cannot be run
  std::string failed_hint = "its words are the evidence";
  std::optional<Milliseconds> limit;
  std::string late_hint;  ///< when it did not end within the limit
};

/// Gives what it wrote to its stdout.
///
/// *Errors*: `when_missing`; `unavailable` (it failed) and `timed_out`, both with the last lines of
/// its stderr, or of its stdout when it kept silent there. *Cancellation*: kills it.
Task<std::string> run_needed(NeededProgram program);

}  // namespace vmfleet
