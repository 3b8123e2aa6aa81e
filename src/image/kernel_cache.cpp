// SPDX-License-Identifier: MIT
// Unpacked kernels, kept by what identifies the file that they came from.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/kernel_image.hpp>
#include <vmfleet/io/files.hpp>

#include <image/staged_file.hpp>
#include <io/file_lock.hpp>

namespace vmfleet {
namespace {

constexpr Bytes kMaxKernel = Bytes::mebi(1024);
constexpr Milliseconds kKernelRetry{20};
// Unpacking takes some seconds on a busy host, and each waiter may find another before it.
constexpr Milliseconds kKernelPatience{60'000};

/// Changes when the file does.
std::string identity(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw errno_error("read kernel " + file.string(), errno);
  }
  std::string text = std::filesystem::absolute(file).lexically_normal().string();
  for (const auto number :
       {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino),
        std::int64_t{status.st_size}, std::int64_t{status.st_mtim.tv_sec},
        std::int64_t{status.st_mtim.tv_nsec}, std::int64_t{status.st_ctim.tv_sec},
        std::int64_t{status.st_ctim.tv_nsec}}) {
    text += ' ' + std::to_string(number);
  }
  return short_hash(text);
}

/// Whether it is worth a look into the cache: of the others nobody reads more than this.
bool is_packed(const std::filesystem::path& kernel) {
  std::array<char, 1024> head{};
  const UniqueFd fd = files::open(kernel, O_RDONLY);
  const auto size = ::pread(fd.get(), head.data(), head.size(), 0);
  if (size < 0) throw errno_error("read kernel " + kernel.string(), errno);
  const auto format = kernel_format({head.data(), static_cast<std::size_t>(size)});
  return format == KernelFormat::bzimage || format == KernelFormat::compressed;
}

/// What stands in the cache for the kernel: its copy; an empty file when it boots as it is.
std::optional<std::filesystem::path> look_up(const std::filesystem::path& kernel,
                                             const std::filesystem::path& cached) {
  struct stat status {};
  if (::lstat(cached.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  ::utimensat(AT_FDCWD, cached.c_str(), nullptr, 0);  // a full disk does not matter
  return status.st_size == 0 ? kernel : cached;
}

/// Empty: it boots as it is. *Errors*: as `unpacked_kernel`.
std::string unpack_for_boot(const std::filesystem::path& kernel) {
  auto unpacked = unpack_kernel(files::read(kernel, kMaxKernel));
  if (unpacked) return boots_unpacked(*unpacked) ? *std::move(unpacked) : std::string();
  if (unpacked.error().kind() == ErrorKind::invalid_config) return {};  // foreign, and yet it boots
  throw Error(unpacked.error()).context("kernel " + kernel.string());
}

/// Only under the lock.
std::filesystem::path unpack_into(const std::filesystem::path& kernel,
                                  const std::filesystem::path& cached) {
  if (const auto found = look_up(kernel, cached)) return *found;
  const std::string unpacked = unpack_for_boot(kernel);
  if (identity(kernel) != cached.filename().string()) return kernel;  // it is being replaced
  image::StagedFile file(cached, 0600);
  file.append(unpacked);
  file.commit();
  return unpacked.empty() ? kernel : cached;
}

UniqueFd open_lock(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw errno_error("make " + folder.string(), error.value());
  return files::open(folder / ".lock", O_RDWR | O_CREAT | O_NOFOLLOW);
}

/// One unpacking at a time over all processes: the others find what it made.
// flock(2) without LOCK_NB could not be cancelled.
Task<void> lock_kernels(int fd, std::filesystem::path folder) {
  Loop& loop = co_await current_loop();
  const TimePoint deadline = loop.now() + kKernelPatience;
  while (!try_lock(fd, LOCK_EX, folder)) {
    if (loop.now() >= deadline) {
      throw Error(ErrorKind::unavailable,
                  "another process keeps unpacking into " + folder.string());
    }
    co_await sleep_for(kKernelRetry);
  }
}

}  // namespace

Task<std::filesystem::path> unpacked_kernel(std::filesystem::path kernel,
                                            std::filesystem::path cache_root) {
  const std::filesystem::path folder = cache_root / "kernels";
  std::filesystem::path cached;
  std::optional<std::filesystem::path> found;
  auto look = [&] {
    if (!is_packed(kernel)) {
      found = kernel;
      return;
    }
    cached = folder / identity(kernel);
    found = look_up(kernel, cached);
  };
  co_await offload(look);
  if (found) co_return *found;
  auto open = [&] { return open_lock(folder); };
  const UniqueFd lock = co_await offload(open);
  co_await lock_kernels(lock.get(), folder);
  auto unpack = [&] { return unpack_into(kernel, cached); };
  co_return co_await offload(unpack);
}

}  // namespace vmfleet
