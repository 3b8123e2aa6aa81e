// SPDX-License-Identifier: MIT
// What is impossible in disks and shares.
#include <filesystem>
#include <map>
#include <set>

#include <fmt/format.h>

#include "qemu/problems.hpp"
#include "qemu/syntax.hpp"

namespace vmfleet::qemu {
namespace {

constexpr std::size_t kLongestSerial = 20;  // the field of virtio-blk
constexpr std::size_t kLongestMountTag = 31;
constexpr std::size_t kLongestLabel = 11;

/// Ids that the command line gives to its own devices.
bool is_reserved_id(const std::string& id) {
  if (id == "cidata") return true;
  for (const std::string_view own :
       {"nic", "disk", "share", "vserial", "agentport", "vmgenid", "balloon", "vsock"}) {
    if (id.rfind(own, 0) == 0 && is_digits(std::string_view(id).substr(own.size()))) return true;
  }
  return false;
}

void check_disk(Problems& problems, const std::string& key, const Disk& disk, std::size_t index,
                Bus bus) {
  problems.check_path(key + ".file", disk.file);
  const bool id_usable = disk.id.empty() || disk.id == fmt::format("disk{}", index) ||
                         (is_qemu_id(disk.id) && !is_reserved_id(disk.id));
  problems.require(id_usable, key + ".id", disk.id, "a free identifier",
                   "a letter, then letters, digits, '-', '.' or '_'");
  problems.check_text(key + ".serial", disk.serial);
  problems.require(disk.serial.size() <= kLongestSerial, key + ".serial", disk.serial,
                   "at most 20 bytes long");
  if (!disk.pci_address.empty()) {
    problems.require(read_pci_address(disk.pci_address).has_value(), key + ".pci_address",
                     disk.pci_address, "a PCI slot", "such as \"0x8\" or \"0x8.0x1\"");
    if (bus != Bus::pci) problems.add(key + ".pci_address", "this machine type has no PCI bus");
  }
  const bool past_cache = disk.cache == DiskCache::none || disk.cache == DiskCache::directsync;
  if (disk.aio == DiskAio::native && !past_cache) {
    problems.add(key + ".aio", "\"native\" reads and writes past the host's cache",
                 "use cache = \"none\"");
  }
  if (disk.iothread && bus != Bus::pci) {
    problems.add(key + ".iothread", "this machine type has no PCI bus");
  }
  if (disk.size.count() > 0 && !is_staged(disk)) {
    problems.add(key + ".size",
                 fmt::format("mode \"{}\" uses the file as it is", to_string(disk.mode)),
                 "use mode = \"copy\" or \"overlay\"");
  }
}

/// The image locks of QEMU would refuse it at the launch.
void check_sharing(Problems& problems, const std::vector<Disk>& disks) {
  const auto file_of = [](const Disk& disk) {
    return std::filesystem::path(disk.file).lexically_normal();
  };
  std::map<std::filesystem::path, std::size_t> users;
  for (const Disk& disk : disks) ++users[file_of(disk)];
  for (std::size_t i = 0; i < disks.size(); ++i) {
    if (disks[i].mode != DiskMode::direct || users[file_of(disks[i])] < 2) continue;
    problems.add(fmt::format("disk[{}].file", i),
                 fmt::format("\"{}\" is written directly and used by another disk", disks[i].file),
                 "use mode = \"overlay\"");
  }
}

void check_share(Problems& problems, const std::string& key, const Share& share) {
  problems.check_path(key + ".path", share.path);
  problems.check_text(key + ".tag", share.tag);
  if (share.type == ShareType::p9) {
    problems.require(!share.tag.empty() && share.tag.size() <= kLongestMountTag, key + ".tag",
                     share.tag, "a mount tag of 1 to 31 bytes");
    return;
  }
  problems.require(share.tag.size() <= kLongestLabel, key + ".tag", share.tag,
                   "a volume label of at most 11 bytes");
  if (share.writable) {
    problems.add(key + ".mode", "a vfat share is read-only", "use type = \"9p\"");
  }
  if (share.root) problems.add(key + ".root", "only a 9p share can be the root file system");
}

}  // namespace

void check_disks(Problems& problems, const MachineConfig& config) {
  std::set<std::string> ids;
  std::set<unsigned> slots;
  for (std::size_t i = 0; i < config.disks.size(); ++i) {
    const Disk& disk = config.disks[i];
    const std::string key = fmt::format("disk[{}]", i);
    check_disk(problems, key, disk, i, virtio_bus(config));
    if (!disk.id.empty() && !ids.insert(disk.id).second) {
      problems.add(key + ".id", fmt::format("\"{}\" is there twice", disk.id));
    }
    const auto slot = read_pci_address(disk.pci_address);
    if (slot && !slots.insert(*slot).second) {
      problems.add(key + ".pci_address", fmt::format("\"{}\" is there twice", disk.pci_address));
    }
  }
  check_sharing(problems, config.disks);
}

void check_shares(Problems& problems, const MachineConfig& config) {
  std::set<std::string> tags;
  bool has_root = false;
  for (std::size_t i = 0; i < config.shares.size(); ++i) {
    const Share& share = config.shares[i];
    const std::string key = fmt::format("share[{}]", i);
    check_share(problems, key, share);
    if (share.type == ShareType::p9 && !tags.insert(share.tag).second) {
      problems.add(key + ".tag", fmt::format("\"{}\" is there twice", share.tag));
    }
    if (!share.root) continue;
    if (has_root) problems.add(key + ".root", "there is already a root file system");
    if (config.kernel.empty()) problems.add(key + ".root", "a root on 9p needs a kernel");
    has_root = true;
  }
}

}  // namespace vmfleet::qemu
