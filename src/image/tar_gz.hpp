// SPDX-License-Identifier: MIT
// TarGz: a compressed archive, written file by file.
#pragma once

#include <string>
#include <string_view>

#include <image/archive.hpp>

namespace vmfleet::image {

/// Its files are of nobody, from now, and only for their owner to read. *Errors*: `unavailable`.
class TarGz {
 public:
  /// Writes to `fd`, which is open until `finish` has returned. Blocking, like all of it.
  explicit TarGz(int fd);

  void add(const std::string& name, std::string_view content);
  void finish();

 private:
  void check(int status) const;

  ArchiveHandle writer_;
};

}  // namespace vmfleet::image
