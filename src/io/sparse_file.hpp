// SPDX-License-Identifier: MIT
// Reading a file whose head is freed while it is read. Private to the library.
#pragma once

#include <vmfleet/io/file_tail.hpp>

namespace vmfleet {

/// What stands at `offset`, or else after the freed part that it lies in: then the chunk begins
/// later and is `restarted`. No data at the file's end. `path` is for errors.
TailChunk read_past_holes(int fd, std::uint64_t offset, const std::filesystem::path& path);

}  // namespace vmfleet
