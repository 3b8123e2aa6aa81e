// SPDX-License-Identifier: MIT
// The words of every enumeration that users write.
#include "qemu/words.hpp"

#include <vmfleet/qemu/arch.hpp>
#include <vmfleet/qemu/disk.hpp>
#include <vmfleet/qemu/forward.hpp>
#include <vmfleet/qemu/injection.hpp>
#include <vmfleet/qemu/net.hpp>
#include <vmfleet/qemu/share.hpp>

namespace vmfleet {
namespace {

constexpr qemu::Word<Arch> kArchs[] = {
    {"x86_64", Arch::x86_64},   {"x64", Arch::x86_64},    {"amd64", Arch::x86_64},
    {"aarch64", Arch::aarch64}, {"arm64", Arch::aarch64},
};
constexpr qemu::Word<Accelerator> kAccelerators[] = {
    {"auto", Accelerator::automatic},
    {"kvm", Accelerator::kvm},
    {"tcg", Accelerator::tcg},
};
constexpr qemu::Word<DiskFormat> kDiskFormats[] = {
    {"raw", DiskFormat::raw},
    {"qcow2", DiskFormat::qcow2},
};
constexpr qemu::Word<DiskMode> kDiskModes[] = {
    {"overlay", DiskMode::overlay},     {"copy", DiskMode::copy},
    {"snapshot", DiskMode::snapshot},   {"read-only", DiskMode::read_only},
    {"read_only", DiskMode::read_only}, {"direct", DiskMode::direct},
};
constexpr qemu::Word<DiskCache> kDiskCaches[] = {
    {"writeback", DiskCache::writeback}, {"writethrough", DiskCache::writethrough},
    {"none", DiskCache::none},           {"directsync", DiskCache::directsync},
    {"unsafe", DiskCache::unsafe},
};
constexpr qemu::Word<DiskAio> kDiskAios[] = {
    {"threads", DiskAio::threads},
    {"native", DiskAio::native},
    {"io_uring", DiskAio::io_uring},
};
constexpr qemu::Word<NetType> kNetTypes[] = {
    {"user", NetType::user},
    {"tap", NetType::tap},
    {"lan", NetType::lan},
};
constexpr qemu::Word<ShareType> kShareTypes[] = {
    {"9p", ShareType::p9},
    {"vfat", ShareType::vfat},
};
constexpr qemu::Word<InjectionWay> kInjectionWays[] = {
    {"initrd", InjectionWay::initrd},
    {"fw_cfg", InjectionWay::fw_cfg},
    {"credential", InjectionWay::credential},
    {"cloud-init", InjectionWay::cloud_init},
    {"tool", InjectionWay::tool},
};

}  // namespace

std::string_view to_string(Arch arch) noexcept {
  return qemu::word_of(kArchs, arch);
}
std::string_view to_string(Accelerator accelerator) noexcept {
  return qemu::word_of(kAccelerators, accelerator);
}
std::string_view to_string(DiskFormat format) noexcept {
  return qemu::word_of(kDiskFormats, format);
}
std::string_view to_string(DiskMode mode) noexcept {
  return qemu::word_of(kDiskModes, mode);
}
std::string_view to_string(DiskCache cache) noexcept {
  return qemu::word_of(kDiskCaches, cache);
}
std::string_view to_string(DiskAio aio) noexcept {
  return qemu::word_of(kDiskAios, aio);
}
std::string_view to_string(NetType type) noexcept {
  return qemu::word_of(kNetTypes, type);
}
std::string_view to_string(ShareType type) noexcept {
  return qemu::word_of(kShareTypes, type);
}
std::string_view to_string(InjectionWay way) noexcept {
  return qemu::word_of(kInjectionWays, way);
}
std::string_view to_string(Protocol protocol) noexcept {
  return protocol == Protocol::udp ? "udp" : "tcp";
}

Result<Arch> parse_arch(std::string_view word) {
  return qemu::parse_word(kArchs, "architecture", word);
}
Result<Accelerator> parse_accelerator(std::string_view word) {
  return qemu::parse_word(kAccelerators, "accelerator", word);
}
Result<DiskFormat> parse_disk_format(std::string_view word) {
  return qemu::parse_word(kDiskFormats, "disk format", word);
}
Result<DiskMode> parse_disk_mode(std::string_view word) {
  return qemu::parse_word(kDiskModes, "disk mode", word);
}
Result<DiskCache> parse_disk_cache(std::string_view word) {
  return qemu::parse_word(kDiskCaches, "disk cache mode", word);
}
Result<DiskAio> parse_disk_aio(std::string_view word) {
  return qemu::parse_word(kDiskAios, "disk aio mode", word);
}
Result<NetType> parse_net_type(std::string_view word) {
  return qemu::parse_word(kNetTypes, "network type", word);
}
Result<ShareType> parse_share_type(std::string_view word) {
  return qemu::parse_word(kShareTypes, "share type", word);
}
Result<InjectionWay> parse_injection_way(std::string_view word) {
  return qemu::parse_word(kInjectionWays, "way into a guest", word);
}

}  // namespace vmfleet
