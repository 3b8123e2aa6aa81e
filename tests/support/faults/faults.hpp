// SPDX-License-Identifier: MIT
// Faults: one system call of a program that fails, is cut short, or that the program does not
// survive.
#pragma once

#include <string>
#include <string_view>

// What is in this folder is linked into a second `vmfleet`, in front of the C library, from the
// same objects as the one that is installed. It needs no LD_PRELOAD, so it works under the
// sanitizers too, and the children (QEMU, ssh-keygen) are never hit. The environment says what is
// to happen:
//
//   FAULT=class:k:action   the k-th call (from 1) of the class
//   FAULT_FOLDER=path      the world: files elsewhere (the system's, the libraries') do not count
//   FAULT_REPORT=path      gets a line when it happens: the function and what it was called with
//
// The action is the name of an error; `short`: a write that takes half of what it is given;
// `kill`: SIGKILL just before the call; `tear`: SIGKILL after half of a write. With a `+` after k
// every call from the k-th on fails: a disk that is full stays full. `count` only reports, so that
// `class:1+:count` lists all calls of the class.
namespace vmfleet::faults {

/// Sets of calls; a call may be in several.
enum Class : unsigned {
  kWrite = 1U << 0,       ///< to a file of the world
  kSend = 1U << 1,        ///< to a socket
  kSync = 1U << 2,        ///< fsync; it is counted and not done, since nobody cuts the power here
  kRename = 1U << 3,      ///< and link
  kCreate = 1U << 4,      ///< files, folders, FIFOs, sockets with a name, links
  kOpen = 1U << 5,        ///< what is there already
  kRemove = 1U << 6,      ///< files and folders
  kAttribute = 1U << 7,   ///< length and permissions
  kDescriptor = 1U << 8,  ///< whatever returns a new descriptor, of anything anywhere
  kFork = 1U << 9,        ///< clone, posix_spawn
  kConnect = 1U << 10,
  kLock = 1U << 11,
  kWatch = 1U << 12,   ///< inotify
  kSignal = 1U << 13,  ///< pidfd_send_signal
  kChange = 1U << 14,  ///< all that others can see afterwards: on the disk, of processes, by a peer
};

enum class Action { none, fail, cut, tear };

struct Verdict {
  Action action = Action::none;
  int error = 0;
};

/// Counts the call and says what is to become of it. Does not return where the program is to die.
Verdict judge(unsigned classes, const char* function, std::string_view object) noexcept;

[[noreturn]] void die() noexcept;

/// Whether calls are counted at all: in the process that was started with a plan, not in a child
/// that shares its memory until it executes something.
bool listening() noexcept;

/// Whether it is in the world.
bool in_world(std::string_view path) noexcept;
/// Where a descriptor leads; "" when that cannot be told.
std::string path_of(int fd);
std::string path_of(int folder, const char* name);

}  // namespace vmfleet::faults
