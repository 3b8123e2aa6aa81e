// SPDX-License-Identifier: MIT
// Image: a kernel and an initrd that boot together, and what is known about them.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/base/units.hpp>

namespace vmfleet {

/// A guest in the store, ready to boot. Its files are never changed once it is there.
struct Image {
  Image() = default;

  std::string name;  ///< "tiny"
  std::string arch;  ///< "x86_64", "aarch64"
  std::string kernel_version;
  std::filesystem::path directory;
  std::filesystem::path kernel;  ///< unpacked
  std::filesystem::path initrd;  ///< uncompressed cpio; see `append_initrd`
  std::string append;            ///< kernel arguments that always apply
  std::string append_emulated;   ///< that make an emulated machine boot faster
  /// The same, for machines with one processor; with several they would cost more than they save.
  std::string append_one_emulated_cpu;
  Bytes memory;              ///< that it is made for
  std::string ready_marker;  ///< alone on its line on the serial console
  bool has_sshd = false;
  bool has_agent = false;
  std::string created;  ///< UTC, "2026-01-31T12:00:00Z"
  std::string recipe;   ///< which version of the builder made it
  std::string hash;     ///< of kernel and initrd, `short_hash`
  std::vector<std::pair<std::string, std::string>> packages;  ///< name and version

  /// The kernel arguments for a machine; `emulated` when it does not run on KVM, `hpet` unless it
  /// has no such timer, as microvm has none.
  [[nodiscard]] std::string append_for(unsigned cpus, bool emulated, bool hpet = true) const;
};

}  // namespace vmfleet
