// SPDX-License-Identifier: MIT
// Staging: copies of files that appear whole or not at all.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

enum class CopyMethod {
  reflink,  ///< the file system shares the blocks until one side changes
  copy,     ///< the bytes were copied; holes stay holes
};

/// Copies a regular file, by reflink where the file system can.
///
/// `target` is replaced by rename after everything is on disk: whoever finds it finds all of it,
/// also after a crash. Blocking: call it through `offload`. *Errors*: `not_found`, `invalid_config`
/// when `source` is no regular file, `unavailable` (the disk is full…), with nothing left behind.
CopyMethod stage_copy(const std::filesystem::path& source, const std::filesystem::path& target,
                      mode_t mode = 0600);

}  // namespace vmfleet
