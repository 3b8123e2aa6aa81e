// SPDX-License-Identifier: MIT
// PackageTree: the files that are wanted out of Debian packages, in memory.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <vmfleet/base/error.hpp>

namespace vmfleet::image {

/// Where programs and libraries come from: unpacked packages, or the host itself.
class FileSource {
 public:
  virtual ~FileSource() = default;
  /// The contents of a regular file, through symbolic links, which stay inside the source.
  /// `path` is relative to the source's root.
  [[nodiscard]] virtual std::optional<std::string> read(std::string_view path) const = 0;
};

/// What a package says about itself.
struct PackageInfo {
  std::string name;
  std::string version;
};

class PackageTree : public FileSource {
 public:
  using Filter = std::function<bool(std::string_view path)>;

  /// Adds the files of a .deb that `wanted` accepts; links are always kept. Blocking.
  /// *Errors*: `corrupt` naming the package file.
  PackageInfo add_package(const std::filesystem::path& deb, const Filter& wanted);

  [[nodiscard]] std::optional<std::string> read(std::string_view path) const override;
  /// Regular files by path, without a leading slash.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& files() const noexcept {
    return files_;
  }

 private:
  std::map<std::string, std::string, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> links_;
};

/// The host's files, below `root`.
class HostTree : public FileSource {
 public:
  explicit HostTree(std::filesystem::path root) : root_(std::move(root)) {}
  [[nodiscard]] std::optional<std::string> read(std::string_view path) const override;

 private:
  std::filesystem::path root_;
};

}  // namespace vmfleet::image
