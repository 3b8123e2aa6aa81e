// SPDX-License-Identifier: MIT
// QemuBinary: the QEMU of this host, found and asked what it is and can do.
#pragma once

#include <chrono>
#include <compare>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <vmfleet/base/result.hpp>
#include <vmfleet/qemu/arch.hpp>
#include <vmfleet/qemu/features.hpp>

namespace vmfleet {

struct QemuVersion {
  QemuVersion() = default;
  constexpr QemuVersion(int a, int b, int c) : major(a), minor(b), micro(c) {}

  int major = 0;
  int minor = 0;
  int micro = 0;

  auto operator<=>(const QemuVersion&) const = default;
};

std::string to_string(const QemuVersion& version);
/// From `QEMU emulator version 7.2.22 (Debian …)`. *Errors*: `protocol`.
Result<QemuVersion> parse_qemu_version(std::string_view text);

struct ProbeOptions {
  ProbeOptions() = default;

  std::filesystem::path cache_file;  ///< empty: ask every time
  std::chrono::milliseconds timeout{10'000};
};

struct QemuMachineType {
  QemuMachineType() = default;
  QemuMachineType(std::string type, unsigned cpus) : name(std::move(type)), most_cpus(cpus) {}

  std::string name;
  unsigned most_cpus = 0;

  bool operator==(const QemuMachineType&) const = default;
};

struct QemuBinary {
  QemuBinary() = default;

  std::filesystem::path path;
  QemuVersion version;
  QemuFeatures features;
  /// With every alias as a type of its own. Empty: it does not tell, and anything may be right.
  std::vector<QemuMachineType> machine_types;
  std::vector<std::string> cpu_models;  ///< the same

  /// `wanted` is a binary, a folder that holds `qemu-system-<arch>`, a name to look up in PATH, or
  /// empty for `qemu-system-<arch>` in PATH. The answer is cached by path, size and mtime.
  ///
  /// *Threads*: blocks while QEMU starts; call it through `offload`.
  /// *Errors*: `host_unfit` with the package to install; also for a QEMU that is too old.
  static Result<QemuBinary> probe(std::string_view wanted, Arch arch,
                                  const ProbeOptions& options = ProbeOptions());
};

}  // namespace vmfleet
