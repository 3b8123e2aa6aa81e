// SPDX-License-Identifier: MIT
// StagedFile: written beside its target under another name, renamed to it when it is complete.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

#include <vmfleet/base/unique_fd.hpp>

#include <vmfleet/image/staging.hpp>

namespace vmfleet::image {

/// *Errors*: all functions throw with the target's name and the system's reason. Until `commit`
/// returns, the destructor leaves nothing behind.
class StagedFile {
 public:
  StagedFile(std::filesystem::path target, mode_t mode);
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  ~StagedFile();

  void append(std::string_view data);
  /// Makes it equal to `source`; only on an empty one.
  CopyMethod copy_from(const std::filesystem::path& source);
  [[nodiscard]] std::uint64_t size() const;
  /// fsync, rename, fsync of the folder.
  void commit();

 private:
  void copy_extents(int source, std::uint64_t size);
  void copy_extent(int source, std::int64_t from, std::int64_t until);
  [[noreturn]] void fail(std::string_view doing, int error_number) const;

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  UniqueFd fd_;
};

/// Makes the entries of a folder durable.
void sync_directory(const std::filesystem::path& directory);

}  // namespace vmfleet::image
