// SPDX-License-Identifier: MIT
// TempDir: an empty folder of its own for each test, removed with it.
#pragma once

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace vmfleet::test {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "vmfleet-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), pattern);
    }
    path_ = pattern;
    ::stat(path_.c_str(), &made_);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    // Only the folder that was made here: a test may have moved or replaced it.
    struct stat now {};
    if (::lstat(path_.c_str(), &now) != 0 || now.st_ino != made_.st_ino ||
        now.st_dev != made_.st_dev) {
      return;
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::filesystem::path& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
  struct stat made_ {};
};

}  // namespace vmfleet::test
