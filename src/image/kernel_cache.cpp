// SPDX-License-Identifier: MIT
// Unpacked kernels, kept by what identifies the file that they came from.
#include <sys/stat.h>

#include <cerrno>

#include <vmfleet/base/text.hpp>
#include <vmfleet/image/kernel_image.hpp>
#include <vmfleet/io/files.hpp>

#include <image/staged_file.hpp>

namespace vmfleet {
namespace {

constexpr Bytes kMaxKernel = Bytes::mebi(1024);

/// Changes when the file does.
std::string identity(const std::filesystem::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    throw errno_error("read kernel " + file.string(), errno);
  }
  std::string text = std::filesystem::absolute(file).lexically_normal().string();
  for (const auto number :
       {static_cast<std::int64_t>(status.st_ino), std::int64_t{status.st_size},
        std::int64_t{status.st_mtim.tv_sec}, std::int64_t{status.st_mtim.tv_nsec}}) {
    text += ' ' + std::to_string(number);
  }
  return short_hash(text);
}

}  // namespace

std::filesystem::path unpacked_kernel(const std::filesystem::path& kernel,
                                      const std::filesystem::path& cache_root) {
  const std::filesystem::path cached = cache_root / "kernels" / identity(kernel);
  std::error_code absent;
  if (std::filesystem::exists(cached, absent)) return cached;

  const std::string packed = files::read(kernel, kMaxKernel);
  auto unpacked = unpack_kernel(packed);
  if (!unpacked) {
    const bool is_bzimage = kernel_format(packed) == KernelFormat::bzimage;
    // A bzImage that unpacks itself in a way that is foreign to us still boots.
    if (is_bzimage && unpacked.error().kind() != ErrorKind::corrupt) return kernel;
    throw Error(unpacked.error()).context("kernel " + kernel.string());
  }
  if (*unpacked == packed || !boots_unpacked(*unpacked)) return kernel;
  std::filesystem::create_directories(cached.parent_path());
  image::StagedFile file(cached, 0600);
  file.append(*unpacked);
  file.commit();
  return cached;
}

}  // namespace vmfleet
