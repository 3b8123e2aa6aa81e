// SPDX-License-Identifier: MIT
// CommandLine: QEMU's arguments, built from a configuration by a pure function.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <vmfleet/qemu/machine_config.hpp>
#include <vmfleet/qemu/wires.hpp>

namespace vmfleet {

struct CommandLine {
  CommandLine() = default;

  std::vector<std::string> argv;            ///< argv[0] is the binary
  std::vector<std::size_t> option_indices;  ///< where in `argv` each option begins

  /// One line for a POSIX shell.
  [[nodiscard]] std::string to_shell() const;
  /// The same with each option on its own line: what `--dry-run` prints.
  [[nodiscard]] std::string to_text() const;
};

/// Total: any strings give a command line in which each of them is one value of one option.
/// Whether the machine makes sense is `validate`'s question.
///
/// The machine is always built with `-S`: the launch decides when it runs. Devices depend on the
/// configuration only, their backends on the wires.
CommandLine build_command_line(const MachineConfig& config, const Wires& wires = Wires());

/// What `-append` says, in this order: `console=`, `panic=` and `TERM=dumb` (which keeps escape
/// codes out of the log) unless `config.append` has these keys or `append_defaults` is off, what
/// devices need, `config.append`.
std::vector<std::string> kernel_arguments(const MachineConfig& config);

}  // namespace vmfleet
