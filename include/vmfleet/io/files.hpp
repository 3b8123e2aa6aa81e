// SPDX-License-Identifier: MIT
// Files: whole small files, read and replaced safely. Blocking: call them through `offload`.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet::files {

/// *Errors*: `not_found`; `unavailable` when it is larger than `limit`.
std::string read(const std::filesystem::path& path, Bytes limit = Bytes::mebi(16));

/// The last `limit` bytes at most; "" when there is no such file.
std::string read_end(const std::filesystem::path& path, Bytes limit);

/// What a content that was written is to outlive.
enum class Outlives {
  processes,  ///< all of them; after a failure of the power the file may be empty, or as it was
  power,      ///< its failure too: it is on the disk
};

/// Replaces the file as a whole: a temporary file beside it, which takes its name; for what is to
/// outlive the power with an fsync of it and of the folder. Whoever is killed meanwhile leaves the
/// old content or the new, nothing else.
void write_atomically(const std::filesystem::path& path, std::string_view data, mode_t mode = 0600,
                      Outlives outlives = Outlives::power);

/// Tells contents apart, not for security: 16 hexadecimal digits. Reads all of it, in bounded
/// memory. *Errors*: `not_found`…; `invalid_config` when it is no regular file, nor a disk.
std::string content_hash(const std::filesystem::path& path);

/// open(2) with O_CLOEXEC, retried on EINTR; the error names the path.
UniqueFd open(const std::filesystem::path& path, int flags, mode_t mode = 0600);

/// Writes all of it to a blocking descriptor.
void write_all(int fd, std::string_view data, const std::filesystem::path& path_for_errors);

}  // namespace vmfleet::files
