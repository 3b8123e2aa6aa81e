// SPDX-License-Identifier: MIT
// Images that are asked for or old, unless somebody needs them.
#include <vmfleet/fleet/image_garbage.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/state_root.hpp>

#include "fleet/cached_image_users.hpp"
#include "fleet/garbage_bin.hpp"

namespace vmfleet {

namespace {

std::string title(const Image& image) {
  return fmt::format("{} for {}", sanitize(image.name), sanitize(image.arch));
}

std::vector<std::string> words_of(const std::vector<CachedImageUser>& users) {
  std::vector<std::string> words;
  for (const CachedImageUser& user : users) words.push_back(to_string(user));
  return words;
}

Error in_use(const Image& image, const std::vector<CachedImageUser>& users) {
  const bool lives = std::any_of(users.begin(), users.end(),
                                 [](const CachedImageUser& user) { return user.lives; });
  const char* otherwise = lives ? "" : "; --force removes the image all the same";
  return Error(ErrorKind::conflict,
               fmt::format("{} is in use by {}", title(image), join(words_of(users), ", ")))
      .hint(fmt::format("remove what uses it: {}{}", ways_to_remove(users), otherwise));
}

void take_image(const ImageStore& store, const Image& image, std::string reason, GarbageBin& bin) {
  const auto remove = [&] { store.remove(image); };
  bin.take(Garbage(GarbageKind::image, image.directory, std::move(reason)), remove);
}

/// All or, when one name means none, nothing.
std::vector<Image> find_wanted(const ImageStore& store, const ImageRemoval& removal) {
  std::vector<Image> there = store.list();
  std::erase_if(there, [&](const Image& image) {
    return !removal.arch.empty() && image.arch != removal.arch;
  });
  std::vector<std::string> known;
  for (const Image& image : there) known.push_back(image.name);
  known.erase(std::unique(known.begin(), known.end()), known.end());
  for (const std::string& name : removal.names) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto near = nearest(name, known);
    const std::string of_arch = removal.arch.empty() ? "" : " for " + removal.arch;
    throw Error(ErrorKind::not_found, fmt::format("no image '{}'{}", sanitize(name), of_arch))
        .hint(near.empty() ? "`vmfleet image ls` shows all"
                           : fmt::format("did you mean '{}'?", near));
  }
  std::erase_if(there, [&](const Image& image) {
    return std::find(removal.names.begin(), removal.names.end(), image.name) == removal.names.end();
  });
  return there;
}

void remove_wanted(const ImageRemoval& removal, const GarbageOptions& options, GarbageBin& bin) {
  const ImageStore store(options.cache_root);
  const std::vector<Image> wanted = find_wanted(store, removal);
  const CachedImageUsers everyone(options);
  for (const Image& image : wanted) {
    std::vector<CachedImageUser> users = everyone.of(image);
    if (removal.force)
      std::erase_if(users, [](const CachedImageUser& user) { return !user.lives; });
    if (users.empty()) {
      take_image(store, image, fmt::format("{}, of {}", title(image), image.created), bin);
      continue;
    }
    Garbage garbage(GarbageKind::image, image.directory, "");
    garbage.error = in_use(image, users);
    garbage.reason = garbage.error->message();
    bin.keep(std::move(garbage));
  }
}

void take_old_images(const GarbageOptions& options, GarbageBin& bin) {
  const ImageStore store(options.cache_root);
  const CachedImageUsers everyone(options);
  std::optional<std::string> seen;
  for (const Image& image : store.list()) {  // the newest of each first
    if (std::exchange(seen, title(image)) != title(image)) continue;
    const std::vector<CachedImageUser> users = everyone.of(image);
    if (users.empty()) {
      take_image(store, image, fmt::format("there is a newer {}", title(image)), bin);
      continue;
    }
    const std::string reason =
        fmt::format("an older {}, in use by {}", title(image), join(words_of(users), ", "));
    Garbage garbage(GarbageKind::image, image.directory, reason);
    garbage.size = size_on_disk(image.directory);
    bin.keep(std::move(garbage));
  }
}

}  // namespace

Task<GarbageReport> remove_images(ImageRemoval removal, GarbageOptions options) {
  require_state_root(options.state_root);
  GarbageBin bin(options.dry_run);
  auto remove = [&] { remove_wanted(removal, options, bin); };
  co_await offload(remove);
  co_return std::move(bin).report();
}

Task<GarbageReport> prune_images(GarbageOptions options) {
  require_state_root(options.state_root);
  GarbageBin bin(options.dry_run);
  auto prune = [&] {
    const auto images = options.cache_root / "images";
    const auto take_images = [&] { take_old_images(options, bin); };
    bin.look_into(GarbageKind::image, images, take_images);
    collect_kernels(options.cache_root / "kernels", bin);
    collect_builds(images, bin);
  };
  co_await offload(prune);
  co_return std::move(bin).report();
}

}  // namespace vmfleet
