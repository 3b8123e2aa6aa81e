// SPDX-License-Identifier: MIT
// getrandom(2).
#include <vmfleet/base/random_bytes.hpp>

#include <sys/random.h>

#include <cerrno>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  // Up to 256 are given whole once the host's generator is ready. *Source*: getrandom(2).
  while (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count)) {
    if (errno != EINTR) throw errno_error("read random bytes", errno);
  }
  return bytes;
}

}  // namespace vmfleet
