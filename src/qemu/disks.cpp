// SPDX-License-Identifier: MIT
// Disks: a block node over the right file, and the virtio device on it.
#include <vmfleet/qemu/disk.hpp>

#include <fmt/format.h>

#include "qemu/parts.hpp"

namespace vmfleet {

bool is_staged(const Disk& disk) noexcept {
  return disk.mode == DiskMode::overlay || disk.mode == DiskMode::copy ||
         disk.mode == DiskMode::snapshot;
}

DiskFormat opened_format(const Disk& disk) noexcept {
  const bool overlay = disk.mode == DiskMode::overlay || disk.mode == DiskMode::snapshot;
  return overlay ? DiskFormat::qcow2 : disk.format;
}

std::filesystem::path disk_path(const Disk& disk, std::size_t index,
                                const std::filesystem::path& directory) {
  if (!is_staged(disk)) return disk.file;
  return directory / fmt::format("disk{}.{}", index, to_string(opened_format(disk)));
}

Bytes staged_size(const Disk& disk, Bytes source) noexcept {
  if (disk.size.count() == 0 || disk.size == source) return source;
  if (disk.size > source) return disk.size;
  constexpr std::uint64_t kSector = 512;
  const std::uint64_t grown = source.count() + (source.count() + 9) / 10;
  return Bytes((grown + kSector - 1) / kSector * kSector);
}

namespace qemu {
namespace {

void set_cache(json::Object& node, DiskCache cache) {
  if (cache == DiskCache::writeback || cache == DiskCache::writethrough) return;
  json::Object how;
  how.set("direct", cache != DiskCache::unsafe);
  how.set("no-flush", cache == DiskCache::unsafe);
  node.set("cache", std::move(how));
}

json::Object block_node(const Disk& disk, std::size_t index, const Wires& wires) {
  const bool read_only = disk.mode == DiskMode::read_only;
  json::Object file;
  file.set("driver", "file");
  file.set("filename", disk_path(disk, index, wires.directory).string());
  if (disk.aio != DiskAio::threads) file.set("aio", to_string(disk.aio));
  if (read_only) file.set("read-only", true);
  json::Object node;
  node.set("driver", to_string(opened_format(disk)));
  node.set("node-name", fmt::format("node{}", index));
  if (read_only) {
    node.set("read-only", true);
  } else {
    node.set("discard", "unmap");
  }
  set_cache(node, disk.cache);
  node.set("file", std::move(file));
  return node;
}

json::Object io_thread(std::size_t index) {
  json::Object thread;
  thread.set("qom-type", "iothread");
  thread.set("id", fmt::format("iothread{}", index));
  return thread;
}

json::Object block_device(const Disk& disk, std::size_t index, const MachineConfig& config) {
  json::Object device;
  device.set("driver", virtio_driver("virtio-blk", config));
  device.set("id", disk.id.empty() ? fmt::format("disk{}", index) : disk.id);
  device.set("drive", fmt::format("node{}", index));
  if (disk.iothread) device.set("iothread", fmt::format("iothread{}", index));
  if (!disk.serial.empty()) device.set("serial", disk.serial);
  if (!disk.pci_address.empty()) device.set("addr", disk.pci_address);
  const bool through = disk.cache == DiskCache::writethrough || disk.cache == DiskCache::directsync;
  if (through) device.set("write-cache", "off");
  return device;
}

}  // namespace

void add_disks(OptionList& options, const MachineConfig& config, const Wires& wires) {
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    if (config.disks[i].iothread) options.json("-object", io_thread(i));
    options.json("-blockdev", block_node(config.disks[i], i, wires));
    options.json("-device", block_device(config.disks[i], i, config));
  }
}

}  // namespace qemu
}  // namespace vmfleet
