// SPDX-License-Identifier: MIT
// Owners of libarchive's handles, and its failures as Errors.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>
#include <string_view>

#include <vmfleet/base/error.hpp>

namespace vmfleet::image {

struct FreeArchive {
  void operator()(archive* handle) const noexcept { ::archive_free(handle); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;

struct FreeArchiveEntry {
  void operator()(archive_entry* entry) const noexcept { ::archive_entry_free(entry); }
};
using ArchiveEntryHandle = std::unique_ptr<archive_entry, FreeArchiveEntry>;

/// "doing: what libarchive says".
Error archive_error(archive* handle, ErrorKind kind, std::string_view doing);

/// What is left of the current entry. *Errors*: `corrupt`, also when it is larger than `limit`.
std::string read_rest(archive* handle, std::size_t limit, std::string_view doing);

}  // namespace vmfleet::image
