// SPDX-License-Identifier: MIT
// Unpacking one compressed stream, whatever compressed it.
#pragma once

#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet::image {

/// Enough for any kernel with debug information, and an end to what a forged stream can take.
inline constexpr std::size_t kMaxUnpacked = std::size_t{1} << 30;

/// "xz", "gzip", "zstd", "bzip2", "lz4", "lzma", "lzop" by the first bytes, or "".
std::string_view compression_of(std::string_view data) noexcept;

/// Unpacks a stream of any kind that `compression_of` knows; "lzop" where libarchive can do it.
/// *Errors*: `corrupt`; `host_unfit` when libarchive lacks the method.
Result<std::string> decompress(std::string_view data, std::size_t limit = kMaxUnpacked);

}  // namespace vmfleet::image
