// SPDX-License-Identifier: MIT
// BugReport: all that explains what went wrong, in one archive that can be shown to others.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

struct BugReport {
  BugReport() = default;

  std::filesystem::path path;
  std::vector<std::string> entries;   ///< in the archive, below a folder of its own
  std::vector<std::string> problems;  ///< parts that could not be had, and why
};

/// Writes it, of these machines or all of the fleet; to `file`, or when that is empty to a name in
/// the current folder that is free. It looks as `ps` does, and waits for no machine that does not
/// answer. Texts that are injected into guests are left out.
///
/// *Errors*: `not_found` for a name that means no machine; `conflict` when `file` exists;
/// `invalid_config`, `unavailable` when it cannot be made. *Cancellation*: nothing is left.
/// *Lifetime*: `context` outlives it.
Task<BugReport> write_bug_report(const Context& context, std::vector<std::string> names,
                                 std::string file);

}  // namespace vmfleet::cli
