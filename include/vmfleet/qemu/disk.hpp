// SPDX-License-Identifier: MIT
// Disk: one block device of a machine, and how its file is used.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>
#include <vmfleet/base/units.hpp>

namespace vmfleet {

enum class DiskFormat { raw, qcow2 };

enum class DiskMode {
  overlay,    ///< a qcow2 overlay of the machine's own; kept until the machine is removed
  copy,       ///< a copy of the machine's own
  snapshot,   ///< an overlay that is made anew at every start
  read_only,  ///< the file itself, shared by any number of machines
  direct,     ///< the file itself, writable: one machine at a time
};

enum class DiskCache { writeback, writethrough, none, directsync, unsafe };

/// How QEMU reads and writes the file; `native` needs a cache mode that goes past the host's cache.
enum class DiskAio { threads, native, io_uring };

std::string_view to_string(DiskFormat format) noexcept;
std::string_view to_string(DiskMode mode) noexcept;
std::string_view to_string(DiskCache cache) noexcept;
std::string_view to_string(DiskAio aio) noexcept;
Result<DiskFormat> parse_disk_format(std::string_view word);
Result<DiskMode> parse_disk_mode(std::string_view word);
Result<DiskCache> parse_disk_cache(std::string_view word);
Result<DiskAio> parse_disk_aio(std::string_view word);

struct Disk {
  Disk() = default;
  explicit Disk(std::string path) : file(std::move(path)) {}

  std::string file;  ///< absolute: QEMU runs in an empty directory
  DiskFormat format = DiskFormat::raw;
  DiskMode mode = DiskMode::overlay;
  DiskCache cache = DiskCache::writeback;
  DiskAio aio = DiskAio::threads;
  bool iothread = false;    ///< a thread of its own serves it; needs PCI
  std::string id;           ///< of the device; empty: disk0, disk1…
  std::string serial;       ///< what the guest sees under /dev/disk/by-id; at most 20 bytes
  std::string pci_address;  ///< `0x8` or `0x8.0x1`; empty: the next free slot
  /// Grows a copy or overlay to this; 0: as the file is. A file that is larger already gives a disk
  /// of 1.1 times its size.
  Bytes size;

  bool operator==(const Disk&) const = default;
};

/// Whether the machine opens a file of its own instead of `disk.file`.
bool is_staged(const Disk& disk) noexcept;
/// What QEMU opens for the `index`-th disk: a file in `directory` when it is staged, else
/// `disk.file`.
std::filesystem::path disk_path(const Disk& disk, std::size_t index,
                                const std::filesystem::path& directory);
/// The format of that file: an overlay is always qcow2.
DiskFormat opened_format(const Disk& disk) noexcept;
/// How large a staged disk is made of a source of this size.
Bytes staged_size(const Disk& disk, Bytes source) noexcept;

}  // namespace vmfleet
