// SPDX-License-Identifier: MIT
// Finding images, and letting one process at a time build one.
#include <vmfleet/image/image_store.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/home_directory.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

#include <image/guest.hpp>
#include <image/image_build.hpp>
#include <image/image_file.hpp>
#include <io/file_lock.hpp>
#include <io/temporary_folder.hpp>

namespace vmfleet {
namespace {

constexpr std::string_view kTiny = "tiny";
constexpr Milliseconds kLockRetry{200};

/// One build at a time for each name and architecture, over all processes.
// flock(2) without LOCK_NB could not be cancelled.
Task<UniqueFd> lock_build(std::filesystem::path path, BuildProgress progress) {
  UniqueFd lock = files::open(path, O_RDWR | O_CREAT);
  bool told = false;
  while (!try_lock(lock.get(), LOCK_EX, path)) {
    if (!told) progress("waiting for another build of the same image");
    told = true;
    co_await sleep_for(kLockRetry);
  }
  co_return lock;
}

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
    throw Error(ErrorKind::invalid_config,
                "there is no image recipe called '" + sanitize(name) + "'")
        .hint("the only one so far is 'tiny'; give other guests as --kernel and --initrd");
  }
  static_cast<void>(image::guest_arch(options.arch));  // before it becomes part of a path
  if (!progress) progress = [](std::string_view) {};
  const std::filesystem::path directory = store.directory();
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    throw errno_error("create " + directory.string(), error.value())
        .hint("images are kept there; name another folder: XDG_CACHE_HOME=DIR");
  }
  const std::optional<Image> before = find_current(store, name, options.arch);
  const UniqueFd lock =
      co_await lock_build(image::build_lock(directory, name, options.arch), progress);
  if (auto now = find_current(store, name, options.arch)) {
    const bool built_meanwhile = !before || before->directory != now->directory;
    if (reuse || built_meanwhile) co_return *std::move(now);
  }
  remove_abandoned(directory, image::unfinished_prefix(options.arch));
  Image image = co_await image::build_tiny(directory, std::move(options), std::move(progress));
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
  return home_directory().value_or("/") / ".cache" / "vmfleet";
}

std::vector<std::string> image_recipes() {
  return {std::string(kTiny)};
}

ImageStore::ImageStore(const std::filesystem::path& cache_root)
    : directory_(cache_root / "images") {}

std::vector<Image> ImageStore::list() const {
  std::vector<Image> images;
  std::error_code error;
  const std::filesystem::directory_iterator entries(directory_, error);
  if (error && error != std::errc::no_such_file_or_directory) {
    throw errno_error("look into " + directory_.string(), error.value());
  }
  for (const auto& entry : entries) {
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

void ImageStore::remove(const Image& image) const {
  const auto path = image::build_lock(directory_, image.name, image.arch);
  const UniqueFd lock = files::open(path, O_RDWR | O_CREAT);
  if (!try_lock(lock.get(), LOCK_EX, path)) {
    throw Error(ErrorKind::conflict,
                sanitize(image.name) + " for " + sanitize(image.arch) + " is being built just now")
        .hint("wait until `vmfleet image build` has ended");
  }
  remove_at_once(image.directory, directory_ / (image::unfinished_prefix(image.arch) + "gone-"));
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
