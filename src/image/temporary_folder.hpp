// SPDX-License-Identifier: MIT
// TemporaryFolder: a folder that goes with its owner, unless it was renamed away.
#pragma once

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include <vmfleet/base/error.hpp>

namespace vmfleet::image {

/// *Errors*: those of mkdtemp(3).
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& prefix) {
    std::string name = prefix.string() + "XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw errno_error("create " + name, errno);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace vmfleet::image
