// SPDX-License-Identifier: MIT
// Building from packages or from the host, and giving the result its place.
#include <image/image_build.hpp>

#include <stdio.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <optional>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>

#include <image/apt.hpp>
#include <image/image_file.hpp>
#include <image/staged_file.hpp>
#include <image/tiny.hpp>
#include <io/temporary_folder.hpp>

namespace vmfleet::image {
namespace {

constexpr Bytes kNeededSpace = Bytes::mebi(300);

void check_space(const std::filesystem::path& directory) {
  struct statvfs status {};
  if (::statvfs(directory.c_str(), &status) != 0) return;
  const Bytes available(std::uint64_t{status.f_bavail} * status.f_frsize);
  if (available >= kNeededSpace) return;
  throw Error(ErrorKind::unavailable, "building an image needs " + to_string(kNeededSpace) +
                                          " of disk space, " + directory.string() + " has " +
                                          to_string(Bytes(available.count() >> 20 << 20)))
      .hint("free some space there, or set XDG_CACHE_HOME to a folder that has it");
}

std::string folder_name(const Image& image) {
  std::string versions = image.recipe + image.kernel_version;
  for (const auto& [name, version] : image.packages) versions += " " + name + "=" + version;
  return image.name + "-" + image.arch + "-" + short_hash(versions);
}

/// Makes `built` a finished folder and gives it its name in one step.
Image install(BuiltImage& built, const std::filesystem::path& staging,
              const std::filesystem::path& directory) {
  const std::filesystem::path target = directory / folder_name(built.image);
  // The same packages by the same recipe: nothing to do.
  if (auto same = load_image(target)) return *std::move(same);
  write_image(built, staging);
  std::error_code ignored;
  std::filesystem::remove_all(target, ignored);  // damaged, or it would have been loaded
  if (::rename(staging.c_str(), target.c_str()) != 0) {
    throw errno_error("create " + target.string(), errno);
  }
  sync_directory(directory);
  auto installed = load_image(target);
  if (!installed) {
    throw Error(ErrorKind::internal, "the image in " + target.string() + " cannot be read back");
  }
  return *std::move(installed);
}

/// One build, under the lock.
class Build {
 public:
  Build(std::filesystem::path directory, BuildOptions options, BuildProgress progress)
      : directory_(std::move(directory)),
        options_(std::move(options)),
        progress_(std::move(progress)),
        arch_(guest_arch(options_.arch)),
        work_(directory_ / (unfinished_prefix(options_.arch) + "packages-")),
        staging_(directory_ / (unfinished_prefix(options_.arch) + "image-")) {}

  Task<Image> run() {
    BuiltImage built;
    if (options_.source == ImageSource::host) {
      built = co_await from_host();
    } else {
      built = co_await from_packages_or_host();
    }
    progress_("writing the image");
    const auto write = [&] { return install(built, staging_.path(), directory_); };
    Image image = co_await offload(write);
    co_return image;
  }

 private:
  Task<BuiltImage> from_packages_or_host() {
    std::optional<Error> packages_failure;
    try {
      BuiltImage built = co_await from_packages();
      co_return built;
    } catch (const Error& error) {
      const bool may_fall_back = options_.source == ImageSource::automatic &&
                                 options_.arch == host_arch() &&
                                 error.kind() != ErrorKind::timed_out;
      if (!may_fall_back) throw;
      packages_failure = error;
    }
    progress_(std::string("no packages (") + packages_failure->message() + "), trying the host");
    try {
      BuiltImage built = co_await from_host();
      co_return built;
    } catch (const Error& error) {
      throw Error(*packages_failure).evidence(error.message()).evidence_lines(error.evidence());
    }
  }

  Task<BuiltImage> from_packages() {
    std::vector<std::filesystem::path> debs =
        co_await download_packages(arch_, work_.path(), progress_);
    progress_("unpacking " + std::to_string(debs.size()) + " packages");
    const auto build = [&] { return build_from_packages(arch_, debs); };
    BuiltImage built = co_await offload(build);
    co_return built;
  }

  Task<BuiltImage> from_host() {
    progress_("using the host's own kernel and programs");
    const auto build = [&] { return build_from_host(arch_, options_.host_root); };
    BuiltImage built = co_await offload(build);
    co_return built;
  }

  std::filesystem::path directory_;
  BuildOptions options_;
  BuildProgress progress_;
  const GuestArch& arch_;
  TemporaryFolder work_;
  TemporaryFolder staging_;
};

}  // namespace

std::string unfinished_prefix(std::string_view arch) {
  return ".building-tiny-" + std::string(arch) + "-";
}

std::filesystem::path build_lock(const std::filesystem::path& directory, std::string_view name,
                                 std::string_view arch) {
  return directory / (".lock-" + std::string(name) + "-" + std::string(arch));
}

Task<Image> build_tiny(std::filesystem::path directory, BuildOptions options,
                       BuildProgress progress) {
  check_space(directory);
  const Milliseconds timeout = options.timeout;
  Build build(std::move(directory), std::move(options), std::move(progress));
  Image image = co_await with_timeout(timeout, build.run());
  co_return image;
}

}  // namespace vmfleet::image
