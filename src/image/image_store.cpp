// SPDX-License-Identifier: MIT
// Finding images, and building them beside their place.
#include <vmfleet/image/image_store.hpp>

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

#include <image/apt.hpp>
#include <image/image_file.hpp>
#include <image/staged_file.hpp>
#include <image/tiny.hpp>

namespace vmfleet {
namespace {

constexpr std::string_view kTiny = "tiny";
constexpr std::string_view kBuilding = ".building-";
constexpr Milliseconds kLockRetry{200};
constexpr Bytes kNeededSpace = Bytes::mebi(300);

/// Removed with all that is in it, unless it was renamed away.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& prefix) {
    std::string name = prefix.string() + "XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw errno_error("create " + name, errno);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// One build at a time for each name and architecture, over all processes.
// flock(2) without LOCK_NB could not be cancelled.
Task<UniqueFd> lock_build(std::filesystem::path path, BuildProgress progress) {
  UniqueFd lock = files::open(path, O_RDWR | O_CREAT);
  bool told = false;
  while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw errno_error("lock " + path.string(), errno);
    if (!told) progress("waiting for another build of the same image");
    told = true;
    co_await sleep_for(kLockRetry);
  }
  co_return lock;
}

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

/// What a build that was killed has left. Only under the lock.
void remove_abandoned(const std::filesystem::path& directory, std::string_view prefix) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.compare(0, prefix.size(), prefix) == 0) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

std::string folder_name(const Image& image) {
  std::string versions = image.recipe + image.kernel_version;
  for (const auto& [name, version] : image.packages) versions += " " + name + "=" + version;
  return image.name + "-" + image.arch + "-" + short_hash(versions);
}

/// Makes `built` a finished folder and gives it its name in one step.
Image install(image::BuiltImage& built, const std::filesystem::path& staging,
              const std::filesystem::path& directory) {
  const std::filesystem::path target = directory / folder_name(built.image);
  // The same packages by the same recipe: nothing to do.
  if (auto same = image::load_image(target)) return *std::move(same);
  image::write_image(built, staging);
  std::error_code ignored;
  std::filesystem::remove_all(target, ignored);  // damaged, or it would have been loaded
  if (::rename(staging.c_str(), target.c_str()) != 0) {
    throw errno_error("create " + target.string(), errno);
  }
  image::sync_directory(directory);
  auto installed = image::load_image(target);
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
        arch_(image::guest_arch(options_.arch)),
        work_(directory_ / (prefix() + "packages-")),
        staging_(directory_ / (prefix() + "image-")) {}

  Task<Image> run() {
    image::BuiltImage built;
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

  static std::string prefix_for(std::string_view arch) {
    return std::string(kBuilding) + std::string(kTiny) + "-" + std::string(arch) + "-";
  }

 private:
  std::string prefix() const { return prefix_for(options_.arch); }

  Task<image::BuiltImage> from_packages_or_host() {
    std::optional<Error> packages_failure;
    try {
      image::BuiltImage built = co_await from_packages();
      co_return built;
    } catch (const Error& error) {
      const bool may_fall_back = options_.source == ImageSource::automatic &&
                                 options_.arch == host_arch() &&
                                 error.kind() != ErrorKind::timed_out;
      if (!may_fall_back) throw;
      packages_failure = error;
    }
    progress_(std::string("no packages (") + packages_failure->what() + "), trying the host");
    try {
      image::BuiltImage built = co_await from_host();
      co_return built;
    } catch (const Error& error) {
      throw Error(*packages_failure).evidence(error.what()).evidence_lines(error.evidence());
    }
  }

  Task<image::BuiltImage> from_packages() {
    std::vector<std::filesystem::path> debs =
        co_await image::download_packages(arch_, work_.path(), progress_);
    progress_("unpacking " + std::to_string(debs.size()) + " packages");
    const auto build = [&] { return image::build_from_packages(arch_, debs); };
    image::BuiltImage built = co_await offload(build);
    co_return built;
  }

  Task<image::BuiltImage> from_host() {
    progress_("using the host's own kernel and programs");
    const auto build = [&] { return image::build_from_host(arch_, options_.host_root); };
    image::BuiltImage built = co_await offload(build);
    co_return built;
  }

  std::filesystem::path directory_;
  BuildOptions options_;
  BuildProgress progress_;
  const image::GuestArch& arch_;
  TemporaryFolder work_;
  TemporaryFolder staging_;
};

std::optional<Image> find_current(const ImageStore& store, const std::string& name,
                                  const std::string& arch) {
  for (Image& image : store.list()) {
    const bool current = image.recipe == image::recipe_hash();
    if (current && image.name == name && image.arch == arch) return std::move(image);
  }
  return std::nullopt;
}

/// Waits for its turn. An image that another build has finished meanwhile will do; with `reuse`,
/// an older one of this recipe too.
Task<Image> build_in_turn(const ImageStore& store, std::string name, BuildOptions options,
                          BuildProgress progress, bool reuse) {
  if (name != kTiny) {
    throw Error(ErrorKind::not_found, "there is no image recipe called '" + sanitize(name) + "'")
        .hint("the only one so far is 'tiny'; give other guests as --kernel and --initrd");
  }
  if (!progress) progress = [](std::string_view) {};
  const std::filesystem::path directory = store.directory();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) throw errno_error("create " + directory.string(), error.value());
  const std::optional<Image> before = find_current(store, name, options.arch);
  const UniqueFd lock =
      co_await lock_build(directory / (".lock-" + name + "-" + options.arch), progress);
  if (auto now = find_current(store, name, options.arch)) {
    const bool built_meanwhile = !before || before->directory != now->directory;
    if (reuse || built_meanwhile) co_return *std::move(now);
  }
  remove_abandoned(directory, Build::prefix_for(options.arch));
  check_space(directory);
  const Milliseconds timeout = options.timeout;
  Build build(directory, std::move(options), std::move(progress));
  Image image = co_await with_timeout(timeout, build.run());
  co_return image;
}

}  // namespace

std::string host_arch() {
  struct utsname names {};
  return ::uname(&names) == 0 ? names.machine : "x86_64";
}

std::filesystem::path default_cache_root() {
  // A relative one is invalid and must be ignored (XDG Base Directory Specification).
  const char* given = ::getenv("XDG_CACHE_HOME");
  if (given && given[0] == '/') return std::filesystem::path(given) / "vmfleet";
  const char* home = ::getenv("HOME");
  if (!home || home[0] != '/') {
    const struct passwd* user = ::getpwuid(::getuid());
    home = user ? user->pw_dir : "/";
  }
  return std::filesystem::path(home) / ".cache" / "vmfleet";
}

ImageStore::ImageStore(std::filesystem::path cache_root)
    : directory_(std::move(cache_root) / "images") {}

std::vector<Image> ImageStore::list() const {
  std::vector<Image> images;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    if (entry.path().filename().string()[0] == '.') continue;
    if (auto image = image::load_image(entry.path())) images.push_back(*std::move(image));
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return std::tie(a.name, a.arch, b.created) < std::tie(b.name, b.arch, a.created);
  });
  return images;
}

std::optional<Image> ImageStore::find(std::string_view name, std::string_view arch) const {
  for (Image& image : list()) {
    if (image.name == name && image.arch == arch) return std::move(image);
  }
  return std::nullopt;
}

Task<Image> ImageStore::build(std::string name, BuildOptions options, BuildProgress progress) {
  const std::string doing = "build image " + sanitize(name);
  try {
    Image image = co_await build_in_turn(*this, std::move(name), std::move(options),
                                         std::move(progress), false);
    co_return image;
  } catch (Error& error) {
    throw Error(error).context(doing);
  }
}

Task<Image> ImageStore::find_or_build(std::string name, BuildOptions options,
                                      BuildProgress progress) {
  if (auto image = find_current(*this, name, options.arch)) co_return *std::move(image);
  const std::string doing = "build image " + sanitize(name);
  try {
    Image image = co_await build_in_turn(*this, std::move(name), std::move(options),
                                         std::move(progress), true);
    co_return image;
  } catch (Error& error) {
    throw Error(error).context(doing);
  }
}

}  // namespace vmfleet
