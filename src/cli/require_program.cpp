// SPDX-License-Identifier: MIT
// Looking for a program in time.
#include "cli/require_program.hpp"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/find_program.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet::cli {

void require_program(const std::string& name) {
  const char* hint = name == "ssh" ? "install OpenSSH's client (package openssh-client or openssh)"
                                   : "install it, or give its path";
  const Result<std::string> path = find_program(name);
  if (path && ::access(path->c_str(), X_OK) == 0) return;
  const Error error =
      path ? errno_error(fmt::format("run '{}'", sanitize(name)), errno) : path.error();
  throw Error(ErrorKind::host_unfit, error.message()).hint(hint);
}

}  // namespace vmfleet::cli
