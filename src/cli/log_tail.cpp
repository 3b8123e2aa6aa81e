// SPDX-License-Identifier: MIT
// Looking for lines from the end of a file.
#include "cli/log_tail.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <vmfleet/base/unique_fd.hpp>

namespace vmfleet::cli {

std::uint64_t offset_of_last_lines(const std::filesystem::path& path, std::size_t lines) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return 0;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  std::array<char, 16 * 1024> block;
  std::uint64_t at = size;
  std::size_t seen = 0;
  while (at > 0) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), at));
    at -= count;
    if (::pread(fd.get(), block.data(), count, static_cast<off_t>(at)) !=
        static_cast<ssize_t>(count))
      break;
    for (std::size_t i = count; i-- > 0;) {
      // The newline at the very end closes the last line, it does not begin another.
      if (block[i] == '\n' && at + i + 1 < size && ++seen == lines) return at + i + 1;
    }
  }
  return 0;
}

}  // namespace vmfleet::cli
