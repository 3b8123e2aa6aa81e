// SPDX-License-Identifier: MIT
// StagedFile: written beside its target under another name, renamed to it when it is complete.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>

#include <vmfleet/image/staging.hpp>

namespace vmfleet::image {

/// *Errors*: all functions throw with the target's name and the system's reason. Until `commit`
/// returns, the destructor leaves nothing behind.
class StagedFile {
 public:
  StagedFile(std::filesystem::path target, mode_t mode);
  /// Under a name that is known beforehand, for folders in which the remains of a killed process
  /// must be told from other files. What has that name is replaced.
  StagedFile(std::filesystem::path target, const std::string& temporary_name, mode_t mode);
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  ~StagedFile();

  void append(std::string_view data);
  /// Makes it equal to `source`; only on an empty one.
  CopyMethod copy_from(const std::filesystem::path& source);
  /// Appends a hole up to this size.
  void grow(Bytes size);
  [[nodiscard]] std::uint64_t size() const;
  /// Takes up what another program has put in its place under the temporary name.
  void reopen();
  /// fsync: afterwards only the rename is missing.
  void sync();
  /// fsync, rename, fsync of the folder.
  void commit();

  /// The same under a name in the same folder that nothing has yet: false when something has it.
  bool commit_as(const std::filesystem::path& name);

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] const std::filesystem::path& target() const noexcept { return target_; }
  /// Where it is until `commit`, for programs that write it.
  [[nodiscard]] const std::filesystem::path& temporary() const noexcept { return temporary_; }
  [[noreturn]] void fail(std::string_view doing, int error_number) const;

 private:
  void set_mode(mode_t mode);

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  UniqueFd fd_;
};

/// Makes the entries of a folder durable.
void sync_directory(const std::filesystem::path& directory);

}  // namespace vmfleet::image
