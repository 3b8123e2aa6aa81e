// SPDX-License-Identifier: MIT
// The cache of the probe is where the images are.
#include <vmfleet/machine/host_qemu.hpp>

#include <vmfleet/image/image_store.hpp>

namespace vmfleet {

Result<QemuBinary> find_host_qemu(std::string_view wanted, Arch arch) {
  ProbeOptions options;
  options.cache_file = default_cache_root() / "qemu-probe.json";
  return QemuBinary::probe(wanted, arch, options);
}

}  // namespace vmfleet
