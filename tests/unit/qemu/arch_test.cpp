// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/arch.hpp>
#include <vmfleet/qemu/disk.hpp>
#include <vmfleet/qemu/net.hpp>
#include <vmfleet/qemu/share.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("an architecture is known by its usual synonyms") {
  REQUIRE(*parse_arch("x86_64") == Arch::x86_64);
  REQUIRE(*parse_arch("x64") == Arch::x86_64);
  REQUIRE(*parse_arch("arm64") == Arch::aarch64);
  REQUIRE(to_string(Arch::aarch64) == "aarch64");
}

TEST_CASE("a misspelt word is refused with the nearest known one") {
  const auto mode = parse_disk_mode("overly");
  REQUIRE_FALSE(mode.ok());
  REQUIRE(mode.error().kind() == ErrorKind::invalid_config);
  REQUIRE(mode.error().hint() == "did you mean \"overlay\"?");
}

TEST_CASE("a word that is near nothing is answered with all that are known") {
  const auto accelerator = parse_accelerator("hyperdrive");
  REQUIRE_FALSE(accelerator.ok());
  REQUIRE(accelerator.error().hint() == "one of: auto, kvm, tcg");
}

TEST_CASE("every word that is printed is read back") {
  for (const auto mode : {DiskMode::overlay, DiskMode::copy, DiskMode::snapshot,
                          DiskMode::read_only, DiskMode::direct}) {
    REQUIRE(*parse_disk_mode(to_string(mode)) == mode);
  }
  for (const auto cache : {DiskCache::writeback, DiskCache::writethrough, DiskCache::none,
                           DiskCache::directsync, DiskCache::unsafe}) {
    REQUIRE(*parse_disk_cache(to_string(cache)) == cache);
  }
  for (const auto type : {NetType::user, NetType::tap, NetType::lan}) {
    REQUIRE(*parse_net_type(to_string(type)) == type);
  }
  for (const auto type : {ShareType::p9, ShareType::vfat}) {
    REQUIRE(*parse_share_type(to_string(type)) == type);
  }
  for (const auto format : {DiskFormat::raw, DiskFormat::qcow2}) {
    REQUIRE(*parse_disk_format(to_string(format)) == format);
  }
}
