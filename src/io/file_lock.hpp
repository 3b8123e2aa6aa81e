// SPDX-License-Identifier: MIT
// try_lock: flock(2), for those who do not block a thread. Private to the library.
#pragma once

#include <sys/file.h>

#include <cerrno>
#include <filesystem>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

/// `operation`: LOCK_SH, LOCK_EX or LOCK_UN. False when others are in the way; a lock that was held
/// is lost then. *Errors*: what else is wrong, naming the file.
inline bool try_lock(int fd, int operation, const std::filesystem::path& path_for_errors) {
  while (::flock(fd, operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) throw errno_error("lock " + path_for_errors.string(), errno);
  }
  return true;
}

}  // namespace vmfleet
