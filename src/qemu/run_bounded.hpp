// SPDX-License-Identifier: MIT
// run_bounded: a short command's output, within limits of time and size.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>

namespace vmfleet::qemu {

struct CommandOutput {
  CommandOutput() = default;

  std::string text;  ///< stdout and stderr, the first MiB
  int status = 0;    ///< exit status, or 128 + signal
};

/// Blocks. `input`, at most 4 KiB, is what the command reads.
/// *Errors*: `host_unfit` when it cannot be executed, `timed_out`, both naming the command.
Result<CommandOutput> run_bounded(const std::vector<std::string>& argv,
                                  std::chrono::milliseconds timeout, std::string_view input = {});

}  // namespace vmfleet::qemu
