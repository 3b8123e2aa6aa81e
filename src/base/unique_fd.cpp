// SPDX-License-Identifier: MIT
// Closing a descriptor exactly once.
#include <vmfleet/base/unique_fd.hpp>

#include <unistd.h>

namespace vmfleet {

// Linux releases the number even when close() reports EINTR, so there is no retry.
void UniqueFd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace vmfleet
