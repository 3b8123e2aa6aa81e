// SPDX-License-Identifier: MIT
// ProbeCache: what QEMU binaries answered, kept in a JSON file.
#pragma once

#include <filesystem>
#include <optional>

#include <vmfleet/qemu/qemu_binary.hpp>

namespace vmfleet::qemu {

/// An unreadable cache is an empty one, and a cache that cannot be written costs a probe next time:
/// neither is an error.
class ProbeCache {
 public:
  explicit ProbeCache(std::filesystem::path file) : file_(std::move(file)) {}

  /// The answer of exactly this file: its path, size and modification time are those of then.
  [[nodiscard]] std::optional<QemuBinary> find(const std::filesystem::path& binary) const;
  /// Forgets those that are not there any more, or changed.
  void remember(const QemuBinary& binary) const;

 private:
  std::filesystem::path file_;
};

}  // namespace vmfleet::qemu
