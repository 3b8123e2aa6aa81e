// SPDX-License-Identifier: MIT
// Looking programs up in PATH.
#include <vmfleet/base/find_program.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet {

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  for (const auto folder : split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    const std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    struct stat status {};
    const bool file = ::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode);
    if (file && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return errno_error(ErrorKind::not_found, fmt::format("find '{}' in PATH", sanitize(name)),
                     ENOENT);
}

}  // namespace vmfleet
