// SPDX-License-Identifier: MIT
// The part of QEMU's command line that fake_qemu understands.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vmfleet::testkit {

/// A character device that a monitor can sit on.
struct Chardev {
  std::string kind;  ///< socket, stdio, file, null
  std::string id;
  std::string path;        ///< of a socket or a file
  std::string input_path;  ///< of a file
  int fd = -1;             ///< an inherited listening socket
};

struct MonitorOption {
  std::string chardev;
  bool control = true;  ///< QMP; otherwise the human monitor
};

struct ForwardOption {
  std::string netdev;
  std::string rule;  ///< tcp:127.0.0.1:0-:22
};

/// What was asked for; options that mean nothing to a fake are accepted and forgotten.
struct Options {
  std::string program;
  std::string name;
  std::string uuid = "00000000-0000-0000-0000-000000000000";
  std::string kernel;
  std::string append;
  std::string pid_file;
  std::string serial_chardev;
  std::string on_panic = "shutdown";
  bool reset_ends = false;
  bool paused = false;
  bool pvpanic = false;
  bool debug_exit = false;
  bool version = false;
  std::vector<Chardev> chardevs;
  std::vector<MonitorOption> monitors;
  std::vector<ForwardOption> forwards;

  [[nodiscard]] const Chardev* chardev(std::string_view id) const;
};

/// *Errors*: `invalid_config`, in QEMU's words.
Options parse_options(const std::vector<std::string>& argv);

}  // namespace vmfleet::testkit
