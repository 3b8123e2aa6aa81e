// SPDX-License-Identifier: MIT
// CachedImageUsers: who was started with an image, and needs its files again. Private to this room.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/image/image.hpp>

namespace vmfleet {

struct CachedImageUser {
  CachedImageUser() = default;

  std::string name;    ///< of a machine, or a template's key
  std::string fleet;   ///< empty: it is a template
  bool lives = false;  ///< or is being started
};

/// "web-0 of fleet demo, which runs".
std::string to_string(const CachedImageUser& user);
/// The commands that remove them: "`vmfleet down -p demo web-0`".
std::string ways_to_remove(const std::vector<CachedImageUser>& users);

/// As they were when it was made. What cannot be read is no user.
class CachedImageUsers {
 public:
  /// Blocking. *Errors*: when a folder cannot be looked into, since then it is not known who is
  /// there.
  explicit CachedImageUsers(const GarbageOptions& options);

  [[nodiscard]] std::vector<CachedImageUser> of(const Image& image) const;

 private:
  struct Entry {
    Entry() = default;
    CachedImageUser user;
    std::vector<std::filesystem::path> files;  // kernel, initrd and whatever else
  };

  void add_machine(const std::string& fleet, const std::filesystem::path& path);

  std::vector<Entry> entries_;
};

}  // namespace vmfleet
