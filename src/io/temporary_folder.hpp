// SPDX-License-Identifier: MIT
// TemporaryFolder: a folder that goes with its owner, unless it was moved away or is to stay.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

class TemporaryFolder {
 public:
  /// Makes one that is called `prefix` and six more letters. *Errors*: those of mkdtemp(3).
  explicit TemporaryFolder(const std::filesystem::path& prefix) {
    std::string name = prefix.string() + "XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw errno_error("make " + name, errno);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::move(other.path_)), stays_(std::exchange(other.stays_, true)) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    // An empty one needs no descriptor to be removed.
    if (stays_ || ::rmdir(path_.c_str()) == 0) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  void keep() noexcept { stays_ = true; }
  /// Gives it its final name; false when a folder that is not empty has that already.
  bool move_to(const std::filesystem::path& target) {
    if (::rename(path_.c_str(), target.c_str()) == 0) {
      stays_ = true;
      return true;
    }
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    throw errno_error("make " + target.string(), errno);
  }

 private:
  std::filesystem::path path_;
  bool stays_ = false;
};

/// What those left who were killed: everything in `folder` whose name begins with `prefix`. Only
/// under a lock that keeps others from making one.
inline void remove_abandoned(const std::filesystem::path& folder, std::string_view prefix) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.compare(0, prefix.size(), prefix) == 0) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

/// Removes a folder that is `folder` to nobody from one moment to the next: first it is called
/// `grave` and six more letters, which whoever is killed leaves behind.
inline void remove_at_once(const std::filesystem::path& folder,
                           const std::filesystem::path& grave) {
  const TemporaryFolder made(grave);
  if (::rename(folder.c_str(), made.path().c_str()) != 0) {  // in the place of an empty one
    throw errno_error("remove " + folder.string(), errno);
  }
}

}  // namespace vmfleet
