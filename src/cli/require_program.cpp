// SPDX-License-Identifier: MIT
// Looking for a program in time.
#include "cli/require_program.hpp"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/find_program.hpp>

namespace vmfleet::cli {

void require_program(const std::string& name) {
  const char* hint = name == "ssh" ? "install OpenSSH's client (package openssh-client or openssh)"
                                   : "install it, or give its path";
  try {
    const std::string path = find_program(name);
    if (::access(path.c_str(), X_OK) == 0) return;
    throw errno_error(fmt::format("run '{}'", sanitize(name)), errno);
  } catch (const Error& error) {
    throw Error(ErrorKind::host_unfit, error.message()).hint(hint);
  }
}

}  // namespace vmfleet::cli
