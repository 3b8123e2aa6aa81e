// SPDX-License-Identifier: MIT
// Where in a log to begin reading.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/console/log_reader.hpp>

namespace vmfleet::console {
namespace {

constexpr std::size_t kBlock = 64 << 10;

class LogFile {
 public:
  explicit LogFile(const std::filesystem::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (!fd_ && errno != ENOENT) throw errno_error("open " + path.string(), errno);
  }
  [[nodiscard]] bool exists() const noexcept { return static_cast<bool>(fd_); }

  [[nodiscard]] std::uint64_t size() const {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) throw errno_error("stat " + path_.string(), errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  [[nodiscard]] std::string read(std::uint64_t from, std::size_t count) const {
    std::string block(count, '\0');
    const ssize_t got = ::pread(fd_.get(), block.data(), count, static_cast<off_t>(from));
    if (got < 0) throw errno_error("read " + path_.string(), errno);
    block.resize(static_cast<std::size_t>(got));
    return block;
  }

  /// Past the hole at its head, and the zeroes between the hole and the first kept byte.
  [[nodiscard]] std::uint64_t start() const {
    const off_t data = ::lseek(fd_.get(), 0, SEEK_DATA);
    if (data <= 0) return 0;  // no hole, no data, or a file system that does not tell
    const auto first = static_cast<std::uint64_t>(data);
    const std::string block = read(first, kBlock);
    return first + std::min(block.find_first_not_of('\0'), block.size());
  }

 private:
  const std::filesystem::path& path_;
  UniqueFd fd_;
};

}  // namespace

std::uint64_t log_start(const std::filesystem::path& log) {
  const LogFile file(log);
  return file.exists() ? file.start() : 0;
}

std::uint64_t log_tail_start(const std::filesystem::path& log, std::size_t lines) {
  const LogFile file(log);
  if (!file.exists()) return 0;
  const std::uint64_t size = file.size();
  if (lines == 0) return size;
  const std::uint64_t lowest = std::min(file.start(), size);
  std::size_t seen = 0;
  for (std::uint64_t at = size; at > lowest;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, at - lowest));
    at -= count;
    const std::string block = file.read(at, count);
    for (auto newline = block.rfind('\n'); newline != std::string::npos;
         newline = newline == 0 ? std::string::npos : block.rfind('\n', newline - 1)) {
      const std::uint64_t next_line = at + newline + 1;
      // The newline at the very end ends the last line; it begins no other.
      if (next_line < size && ++seen == lines) return next_line;
    }
  }
  return lowest;
}

}  // namespace vmfleet::console
