// SPDX-License-Identifier: MIT
// Reading and replacing small files.
#include <vmfleet/io/files.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet::files {

UniqueFd open(const std::filesystem::path& path, int flags, mode_t mode) {
  for (;;) {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (fd) return fd;
    if (errno != EINTR) throw errno_error("open " + path.string(), errno);
  }
}

namespace {

std::string read_from(int fd, const std::filesystem::path& path, off_t offset, std::size_t limit) {
  std::string content;
  constexpr std::size_t kStep = 64 * 1024;
  while (content.size() < limit) {
    const std::size_t before = content.size();
    content.resize(std::min(before + kStep, limit));
    const ssize_t count = ::pread(fd, content.data() + before, content.size() - before,
                                  offset + static_cast<off_t>(before));
    if (count < 0 && errno != EINTR) throw errno_error("read " + path.string(), errno);
    content.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) break;
  }
  return content;
}

}  // namespace

std::string read(const std::filesystem::path& path, Bytes limit) {
  const UniqueFd fd = open(path, O_RDONLY);
  std::string content = read_from(fd.get(), path, 0, limit.count() + 1);
  if (content.size() > limit.count()) {
    throw Error(ErrorKind::unavailable,
                fmt::format("{} is larger than {}", path.string(), to_string(limit)));
  }
  return content;
}

std::string read_end(const std::filesystem::path& path, Bytes limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return {};
  if (!fd) throw errno_error("open " + path.string(), errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw errno_error("read " + path.string(), errno);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t start = size > limit.count() ? size - limit.count() : 0;
  return read_from(fd.get(), path, static_cast<off_t>(start), limit.count());
}

namespace {

/// Nobody waits for what a FIFO or a terminal may bring.
void require_an_end(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw errno_error("read " + path.string(), errno);
  if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return;
  throw Error(ErrorKind::invalid_config, path.string() + " is no regular file");
}

}  // namespace

std::string content_hash(const std::filesystem::path& path) {
  constexpr std::size_t kStep = 1 << 20;  // a multiple of the word: only the last one is cut
  const UniqueFd fd = open(path, O_RDONLY | O_NONBLOCK);
  require_an_end(fd.get(), path);
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  };
  std::uint64_t size = 0;
  std::string block;
  do {
    block = read_from(fd.get(), path, static_cast<off_t>(size), kStep);
    size += block.size();
    std::string_view rest = block;
    while (!rest.empty()) {
      std::uint64_t word = 0;
      const std::string_view bytes = rest.substr(0, sizeof word);
      std::memcpy(&word, bytes.data(), bytes.size());
      rest.remove_prefix(bytes.size());
      mix(word);
    }
  } while (block.size() == kStep);
  mix(size);
  return fmt::format("{:016x}", hash);
}

namespace {

Error write_error(const std::filesystem::path& path) {
  Error error = errno_error("write " + path.string(), errno);
  const bool full = error.code() == std::errc::no_space_on_device || error.code().value() == EDQUOT;
  if (full) return std::move(error).hint("free some space in " + path.parent_path().string());
  return error;
}

}  // namespace

void write_all(int fd, std::string_view data, const std::filesystem::path& path_for_errors) {
  while (!data.empty()) {
    const ssize_t count = ::write(fd, data.data(), data.size());
    if (count >= 0) {
      data.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      throw write_error(path_for_errors);
    }
  }
}

void write_atomically(const std::filesystem::path& path, std::string_view data, mode_t mode,
                      Outlives outlives) {
  const auto folder = path.parent_path();
  std::string temporary = path.string() + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) throw write_error(path);
  try {
    write_all(fd.get(), data, path);
    const bool is_whole = ::fchmod(fd.get(), mode) == 0 &&
                          (outlives == Outlives::processes || ::fsync(fd.get()) == 0);
    if (!is_whole || ::rename(temporary.c_str(), path.c_str()) != 0) throw write_error(path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  if (outlives == Outlives::processes) return;
  const UniqueFd directory = open(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.get()) != 0) throw errno_error("write " + folder.string(), errno);
}

}  // namespace vmfleet::files
