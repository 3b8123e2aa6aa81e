// SPDX-License-Identifier: MIT
// The devices that are attached on request.
#include <vmfleet/qemu/device.hpp>

#include <charconv>

#include <vmfleet/base/text.hpp>

#include "qemu/parts.hpp"

namespace vmfleet {
namespace {

constexpr std::uint32_t kFirstCid = 3;  // the ones before have a meaning of their own

DeviceParts one_device(const json::Object& device, const char* not_cloned) {
  DeviceParts parts;
  parts.not_cloned = not_cloned;
  parts.arguments = {"-device", json::write(device)};
  return parts;
}

}  // namespace

DeviceParts Balloon::parts(const MachineConfig& config) const {
  json::Object device;
  device.set("driver", virtio_driver("virtio-balloon", config)).set("id", "balloon0");
  // *Source*: QEMU's ram_block_discard_range: it punches holes also into a file that is mapped
  // privately, which all clones share.
  return one_device(device.set("free-page-reporting", true).set("deflate-on-oom", true),
                    "a balloon would empty the memory that clones share");
}

DeviceParts Vsock::parts(const MachineConfig& config) const {
  json::Object device;
  device.set("driver", virtio_driver("vhost-vsock", config)).set("id", "vsock0");
  return one_device(device.set("guest-cid", std::uint64_t{cid}),
                    "QEMU cannot save a vhost device, part of which is the host's");
}

std::uint32_t derive_cid(const MachineConfig& config) {
  const std::string hex = short_hash(config.fleet + '/' + config.name).substr(8);
  std::uint32_t hash = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), hash, 16);
  return kFirstCid + hash % (0x7fffffff - kFirstCid);
}

}  // namespace vmfleet
