// SPDX-License-Identifier: MIT
// Writing, cloning and committing staged files.
#include <image/staged_file.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

namespace vmfleet::image {
namespace {

bool cannot_copy_in_kernel(int error_number) noexcept {
  return error_number == EXDEV || error_number == ENOSYS || error_number == EINVAL ||
         error_number == EOPNOTSUPP || error_number == EPERM;
}

}  // namespace

StagedFile::StagedFile(std::filesystem::path target, mode_t mode) : target_(std::move(target)) {
  std::string name =
      (target_.parent_path() / ("." + target_.filename().string() + ".XXXXXX")).string();
  fd_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd_) fail("create", errno);
  temporary_ = name;
  if (::fchmod(fd_.get(), mode) != 0) {
    const int error_number = errno;
    ::unlink(temporary_.c_str());
    fail("create", error_number);
  }
}

StagedFile::~StagedFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void StagedFile::append(std::string_view data) {
  if (::lseek(fd_.get(), 0, SEEK_END) < 0) fail("write", errno);
  while (!data.empty()) {
    const auto count = ::write(fd_.get(), data.data(), data.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", errno);
    data.remove_prefix(static_cast<std::size_t>(count));
  }
}

CopyMethod StagedFile::copy_from(const std::filesystem::path& source) {
  // O_NONBLOCK: opening a FIFO by mistake must not wait for a writer.
  const UniqueFd from(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!from || ::fstat(from.get(), &status) != 0) {
    throw errno_error("read " + source.string(), errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::invalid_config, source.string() + " is not a regular file");
  }
  if (::ioctl(fd_.get(), FICLONE, from.get()) == 0) return CopyMethod::reflink;
  copy_extents(from.get(), static_cast<std::uint64_t>(status.st_size));
  return CopyMethod::copy;
}

void StagedFile::copy_extents(int source, std::uint64_t size) {
  const auto end = static_cast<off_t>(size);
  if (::ftruncate(fd_.get(), end) != 0) fail("write", errno);
  off_t at = 0;
  while (at < end) {
    off_t data = ::lseek(source, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;  // only a hole is left
    off_t hole = data < 0 ? end : ::lseek(source, data, SEEK_HOLE);
    if (data < 0) data = at;  // a file system without holes
    if (hole < 0) hole = end;
    copy_extent(source, data, std::min(hole, end));
    at = hole;
  }
}

void StagedFile::copy_extent(int source, std::int64_t from, std::int64_t until) {
  std::vector<char> buffer;
  while (from < until) {
    const auto wanted = static_cast<std::size_t>(until - from);
    ssize_t count = -1;
    if (buffer.empty()) {
      off64_t read_at = from;
      off64_t write_at = from;
      count = ::copy_file_range(source, &read_at, fd_.get(), &write_at, wanted, 0);
      if (count < 0 && cannot_copy_in_kernel(errno)) {
        buffer.resize(1 << 20);
        continue;
      }
    } else {
      count = ::pread(source, buffer.data(), std::min(buffer.size(), wanted), from);
      if (count > 0)
        count = ::pwrite(fd_.get(), buffer.data(), static_cast<std::size_t>(count), from);
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("write", errno);
    if (count == 0) {
      throw Error(ErrorKind::unavailable,
                  "write " + target_.string() + ": its source became shorter while it was copied");
    }
    from += count;
  }
}

std::uint64_t StagedFile::size() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) fail("read", errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void StagedFile::commit() {
  if (::fsync(fd_.get()) != 0) fail("write", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("create", errno);
  temporary_.clear();
  sync_directory(target_.parent_path());
}

void StagedFile::fail(std::string_view doing, int error_number) const {
  Error error = errno_error(std::string(doing) + " " + target_.string(), error_number);
  if (error_number == ENOSPC || error_number == EDQUOT) {
    throw std::move(error).hint("free some space in " + target_.parent_path().string());
  }
  throw error;
}

void sync_directory(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory.empty() ? "." : directory;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system that has nothing to sync.
  if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL)) {
    throw errno_error("sync " + path.string(), errno);
  }
}

}  // namespace vmfleet::image

namespace vmfleet {

CopyMethod stage_copy(const std::filesystem::path& source, const std::filesystem::path& target,
                      mode_t mode) {
  image::StagedFile file(target, mode);
  const CopyMethod method = file.copy_from(source);
  file.commit();
  return method;
}

}  // namespace vmfleet
