// SPDX-License-Identifier: MIT
// ImageStore: the images of a user, in a cache folder, built when they are first needed.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/image/image.hpp>

namespace vmfleet {

/// "x86_64", "aarch64": this host's.
std::string host_arch();

/// $XDG_CACHE_HOME/vmfleet, by default ~/.cache/vmfleet.
std::filesystem::path default_cache_root();

/// Where the kernel and the programs of a new image come from.
enum class ImageSource {
  automatic,  ///< packages; when they cannot be had, the host
  packages,   ///< downloaded with apt, without root
  host,       ///< the host's own kernel, modules and programs
};

class BuildOptions {
 public:
  BuildOptions() : arch(host_arch()) {}

  std::string arch;
  ImageSource source = ImageSource::automatic;
  std::filesystem::path host_root = "/";  ///< for `ImageSource::host`
  Milliseconds timeout{15 * 60 * 1000};
};

/// The images that can be built, by name.
std::vector<std::string> image_recipes();

/// Says what a build is doing, a few words at a time.
using BuildProgress = std::function<void(std::string_view)>;

/// Several processes may use one store at once: an image appears by a rename when it is complete,
/// and of two that build the same one, the second waits and uses what the first has built.
class ImageStore {
 public:
  explicit ImageStore(const std::filesystem::path& cache_root = default_cache_root());

  /// All complete images, the newest of each name and architecture first. Blocking, but short.
  /// *Errors*: when that cannot be found out, for want of descriptors for example.
  [[nodiscard]] std::vector<Image> list() const;
  /// The newest of that name. Blocking, but short.
  [[nodiscard]] std::optional<Image> find(std::string_view name, std::string_view arch) const;

  /// Builds the newest version now; the only name so far is "tiny".
  ///
  /// *Errors*: `not_found` (no such recipe), `unavailable` (network, disk), `host_unfit` (no apt
  /// and no readable kernel), `corrupt` (a damaged package), `timed_out`; nothing is left behind.
  Task<Image> build(std::string name, BuildOptions options = BuildOptions(),
                    BuildProgress progress = {});
  /// The image that this version of the builder made, else what `build` gives.
  Task<Image> find_or_build(std::string name, BuildOptions options = BuildOptions(),
                            BuildProgress progress = {});

  /// Removes one that `list` gave: it is gone from one moment to the next. Who needs it is not
  /// asked. *Errors*: `not_found` when another command was faster; `conflict` when one of that name
  /// and architecture is being built. Blocking.
  void remove(const Image& image) const;

  /// The folder that holds one folder for each image.
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

 private:
  std::filesystem::path directory_;
};

}  // namespace vmfleet
