// SPDX-License-Identifier: MIT
// Open file description locks on the bytes that QEMU uses.
#include <image/image_lock.hpp>

#include <fcntl.h>

#include <vmfleet/base/error.hpp>

namespace vmfleet::image {
namespace {

// Bit 1 of QEMU's permissions is writing.
constexpr off_t kWrites = 100 + 1;
constexpr off_t kLetsNobodyWrite = 200 + 1;

UniqueFd open_image(const std::filesystem::path& image) {
  return UniqueFd(::open(image.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

struct flock lock_of(short type, off_t byte) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

bool is_locked(int fd, off_t byte) {
  struct flock lock = lock_of(F_WRLCK, byte);
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

bool is_excluded(const std::filesystem::path& image, ImageUse use) {
  const UniqueFd fd = open_image(image);
  if (!fd) return false;
  return is_locked(fd.get(), kWrites) ||
         (use == ImageUse::write && is_locked(fd.get(), kLetsNobodyWrite));
}

ImageReadLock::ImageReadLock(const std::filesystem::path& image) : fd_(open_image(image)) {
  if (!fd_) return;  // whoever reads it will say why
  struct flock lock = lock_of(F_RDLCK, kLetsNobodyWrite);
  ::fcntl(fd_.get(), F_OFD_SETLK, &lock);  // fails where there are no such locks
  // In this order, as QEMU does: of two that begin at once, one at least sees the other.
  if (!is_locked(fd_.get(), kWrites)) return;
  throw Error(ErrorKind::conflict, image.string() + " is being written by a running machine")
      .hint("stop that machine first");
}

}  // namespace vmfleet::image
