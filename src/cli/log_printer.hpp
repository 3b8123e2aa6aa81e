// SPDX-License-Identifier: MIT
// What guests write on their serial consoles, printed as it comes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>

#include "cli/context.hpp"

namespace vmfleet::cli {

struct LogOptions {
  LogOptions() = default;
  bool follow = false;              // until the machines end
  std::optional<std::size_t> tail;  // lines of what is there; all when empty
  bool raw = false;
  bool qemu = false;        // what QEMU itself printed
  bool timestamps = false;  // when each line was read
};

/// Prints the logs of machines, each line with its machine's name when there are several.
/// *Lifetime*: `context` outlives it.
Task<void> print_logs(const Context& context, std::vector<std::string> names, LogOptions options);

}  // namespace vmfleet::cli
