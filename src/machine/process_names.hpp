// SPDX-License-Identifier: MIT
// Which process has something open, by a name that its user knows. Private to this room.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace vmfleet {

/// "db-0 of fleet demo (process 4711)" for our machines, else "process 4711 (nginx)".
std::string name_process(pid_t pid);

/// One descriptor of a process: the entry `name` in its folder /proc/PID/fd, which is open as
/// `folder`.
struct OpenDescriptor {
  pid_t pid = 0;
  int folder = -1;
  const char* name = nullptr;
};

/// The name of the socket, device or file behind it, as the kernel writes it ("socket:[123]").
std::string target_of(const OpenDescriptor& descriptor);

/// The names of the processes of which one descriptor is the wanted one, this process among them.
/// Only those that this user may look at.
std::vector<std::string> name_holders(
    const std::function<bool(const OpenDescriptor& descriptor)>& is_wanted);

}  // namespace vmfleet
