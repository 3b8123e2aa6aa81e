// SPDX-License-Identifier: MIT
// Wires: the descriptors and files through which a machine is watched and driven.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <vmfleet/qemu/machine_config.hpp>

namespace vmfleet {

/// The ids by which QMP commands name the character devices.
inline constexpr std::string_view kSerialChardev = "serial0";
inline constexpr std::string_view kAgentChardev = "agent0";
inline constexpr std::string_view kIdentityChardev = "identity0";

/// Descriptor numbers are those in QEMU's process. Default-constructed: nothing is wired, the same
/// devices have null backends.
struct Wires {
  Wires() = default;

  /// The layout of an instance directory, with the descriptor numbers below.
  static Wires in_directory(const std::filesystem::path& directory);

  static constexpr int kControlFd = 3;
  static constexpr int kQmpFd = 4;
  static constexpr int kMonitorFd = 5;
  static constexpr int kAgentFd = 6;
  static constexpr int kAliveFd = 7;     ///< held, not named in the command line
  static constexpr int kSerialInFd = 8;  ///< a read-write end of the FIFO, so that input never ends

  static constexpr int kSavedFd = 9;  ///< of a clone: the state that it loads
  static constexpr int kIdentityFd = 10;

  std::optional<int> control;       ///< listening socket: QMP for us
  std::optional<int> qmp;           ///< listening socket: QMP for the user
  std::optional<int> monitor;       ///< listening socket: the human monitor
  std::optional<int> agent;         ///< listening socket: the guest agent's port
  std::optional<int> identity;      ///< listening socket: the identity's port
  bool events = false;              ///< a QMP monitor on stdin and stdout
  std::string serial_log;           ///< absolute; QEMU appends
  std::string serial_in;            ///< absolute; used when QEMU can open it by itself
  std::string serial_pipe;          ///< absolute; with `.in` it is the input, with `.out` nothing
  std::string pid_file;             ///< absolute
  std::filesystem::path directory;  ///< where staged disks are
};

/// Whether the first serial port has a pipe, whose output goes nowhere and is logged: where QEMU
/// accepts no `input-path` and the port, the PL011 of aarch64, no `chardev-change`.
bool serial_is_pipe(const MachineConfig& config);

}  // namespace vmfleet
