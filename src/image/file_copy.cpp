// SPDX-License-Identifier: MIT
// Cloning, or copying extent by extent.
#include <image/file_copy.hpp>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <vmfleet/async/offload.hpp>

namespace vmfleet::image {
namespace {

constexpr std::size_t kBuffer = 1 << 20;
// So much is copied before a cancellation is noticed.
constexpr Bytes kStep = Bytes::mebi(64);

bool cannot_copy_in_kernel(int error_number) noexcept {
  return error_number == EXDEV || error_number == ENOSYS || error_number == EINVAL ||
         error_number == EOPNOTSUPP || error_number == EPERM;
}

}  // namespace

FileCopy::FileCopy(const std::filesystem::path& source, StagedFile& target)
    : target_(target),
      // O_NONBLOCK: opening a FIFO by mistake must not wait for a writer.
      source_(::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat status {};
  if (!source_ || ::fstat(source_.get(), &status) != 0) {
    throw errno_error("read " + source.string(), errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::invalid_config, source.string() + " is not a regular file");
  }
  end_ = status.st_size;
}

bool FileCopy::step(Bytes limit) {
  if (!begun_) begin();
  auto left = static_cast<std::int64_t>(limit.count());
  while (at_ < end_ && left > 0) {
    if (at_ >= extent_end_ && !find_extent()) break;
    const std::int64_t count = copy_some(std::min(left, extent_end_ - at_));
    at_ += count;
    left -= count;
  }
  return at_ < end_;
}

void FileCopy::begin() {
  begun_ = true;
  if (::ioctl(target_.fd(), FICLONE, source_.get()) == 0) {
    method_ = CopyMethod::reflink;
    at_ = end_;
    return;
  }
  if (::ftruncate(target_.fd(), end_) != 0) target_.fail("write", errno);
}

/// Moves on to the next data; false when only a hole is left.
bool FileCopy::find_extent() {
  const off_t data = ::lseek(source_.get(), at_, SEEK_DATA);
  if (data >= end_ || (data < 0 && errno == ENXIO)) {
    at_ = end_;
    return false;
  }
  extent_end_ = end_;
  if (data < 0) return true;  // a file system without holes
  at_ = data;
  const off_t hole = ::lseek(source_.get(), data, SEEK_HOLE);
  if (hole >= 0) extent_end_ = std::min<std::int64_t>(hole, end_);
  return true;
}

std::int64_t FileCopy::copy_some(std::int64_t wanted) {
  for (;;) {
    ssize_t count = -1;
    if (buffer_.empty()) {
      off64_t read_at = at_;
      off64_t write_at = at_;
      count = ::copy_file_range(source_.get(), &read_at, target_.fd(), &write_at,
                                static_cast<std::size_t>(wanted), 0);
      if (count < 0 && cannot_copy_in_kernel(errno)) {
        buffer_.resize(kBuffer);
        continue;
      }
    } else {
      const auto size = std::min(buffer_.size(), static_cast<std::size_t>(wanted));
      count = ::pread(source_.get(), buffer_.data(), size, at_);
      if (count > 0) {
        count = ::pwrite(target_.fd(), buffer_.data(), static_cast<std::size_t>(count), at_);
      }
    }
    if (count > 0) return count;
    if (count == 0) {
      throw Error(ErrorKind::unavailable, "write " + target_.target().string() +
                                              ": its source became shorter while it was copied");
    }
    if (errno != EINTR) target_.fail("write", errno);
  }
}

Task<void> copy_in_steps(std::filesystem::path source, StagedFile& target) {
  FileCopy copy(source, target);
  auto step = [&] { return copy.step(kStep); };
  bool more = true;
  while (more) more = co_await offload(step);
}

}  // namespace vmfleet::image
