// SPDX-License-Identifier: MIT
// Folders of the host in the guest.
#include <vmfleet/qemu/share.hpp>

#include <fmt/format.h>

#include "qemu/parts.hpp"

namespace vmfleet::qemu {
namespace {

void add_9p(OptionList& options, const MachineConfig& config, const Share& share, std::size_t i) {
  const std::string id = fmt::format("share{}", i);
  options.keyed("-fsdev", "local",
                {{"id", id},
                 {"path", share.path},
                 {"security_model", "none"},
                 {"multidevs", "remap"},
                 {"readonly", share.writable ? "off" : "on"}});
  json::Object device;
  device.set("driver", virtio_driver("virtio-9p", config)).set("id", id).set("fsdev", id);
  device.set("mount_tag", share.tag);
  options.json("-device", device);
}

void add_vfat(OptionList& options, const MachineConfig& config, const Share& share, std::size_t i) {
  json::Object folder;
  folder.set("driver", "vvfat").set("dir", share.path).set("rw", false);
  if (!share.tag.empty()) folder.set("label", share.tag);
  json::Object node;
  node.set("driver", "raw").set("node-name", fmt::format("share{}", i)).set("read-only", true);
  node.set("file", std::move(folder));
  options.json("-blockdev", node);
  json::Object device;
  device.set("driver", virtio_driver("virtio-blk", config)).set("id", fmt::format("share{}", i));
  device.set("drive", fmt::format("share{}", i));
  options.json("-device", device);
}

}  // namespace

void add_shares(OptionList& options, const MachineConfig& config) {
  for (std::size_t i = 0; i < config.shares.size(); ++i) {
    if (config.shares[i].type == ShareType::p9) {
      add_9p(options, config, config.shares[i], i);
    } else {
      add_vfat(options, config, config.shares[i], i);
    }
  }
}

}  // namespace vmfleet::qemu
