// SPDX-License-Identifier: MIT
// FileCopy: a copy under way, in steps, so that whoever waits for a large one can stop it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <image/staged_file.hpp>
#include <vmfleet/async/task.hpp>

namespace vmfleet::image {

/// Reflinks where the file system can; otherwise holes stay holes. Blocking.
/// *Lifetime*: `target` outlives it. *Errors*: `not_found`, `invalid_config` when the source is no
/// regular file, `unavailable` (no space, or the source shrinks).
class FileCopy {
 public:
  /// `target` is empty.
  FileCopy(const std::filesystem::path& source, StagedFile& target);

  /// Copies so many bytes more at most; false when all of it is there.
  bool step(Bytes limit);
  [[nodiscard]] CopyMethod method() const noexcept { return method_; }

 private:
  void begin();
  bool find_extent();
  std::int64_t copy_some(std::int64_t wanted);

  StagedFile& target_;
  UniqueFd source_;
  CopyMethod method_ = CopyMethod::copy;
  bool begun_ = false;
  std::int64_t at_ = 0;
  std::int64_t end_ = 0;
  std::int64_t extent_end_ = 0;
  std::vector<char> buffer_;  // once the kernel has refused to copy by itself
};

/// All of it, by a thread of the pool. *Cancellation*: between two steps; `target` holds a part.
/// *Lifetime, Errors*: those of `FileCopy`.
Task<void> copy_in_steps(std::filesystem::path source, StagedFile& target);

}  // namespace vmfleet::image
