// SPDX-License-Identifier: MIT
// What of the cache is garbage.
#include <fcntl.h>
#include <sys/file.h>

#include <vmfleet/base/json.hpp>
#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/fleet/garbage_world.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("unpacked kernels go when nothing was started with them for long") {
  const GarbageWorld world;
  const auto kernels = world.cache() / "kernels";
  for (const auto* name : {"0123456789abcdef", "fedcba9876543210", ".lock", "of-others"}) {
    touch(kernels / name);
    make_old(kernels / name);
  }
  touch(kernels / "fedcba9876543210");
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"0123456789abcdef"});
  REQUIRE(report.removed[0].kind == GarbageKind::cache);
  REQUIRE_THAT(report.removed[0].reason, ContainsSubstring("30 days"));
}

TEST_CASE("templates go when nothing was started from them for long, or what they need is gone") {
  const GarbageWorld world;
  const auto templates = world.cache() / "templates";
  const auto make = [&](const std::string& key, const std::string& kernel) {
    std::filesystem::create_directories(templates / key);
    for (const char* name : {"memory", "devices", "serial.log"})
      touch(templates / key / name, "12");
    touch(templates / key / "template.json",
          R"({"schema": "vmfleet.template/1", "memory": 2, "key": ")" + key + R"(", "needs": [")" +
              kernel + R"("]})");
  };
  const std::string kernel = world.temporary("kernel").string();
  touch(kernel);
  make("0a", kernel);
  make("0b", kernel);
  make("0c", world.temporary("no kernel").string());
  make("0d", kernel);
  make_old(templates / "0b");
  make_old(templates / "0d");
  std::filesystem::create_directories(templates / "0e.Ab1234");
  make("0f", kernel);
  std::filesystem::remove(templates / "0f/memory");
  const UniqueFd used = files::open(templates / ".lock-0d", O_RDWR | O_CREAT);
  REQUIRE(::flock(used.get(), LOCK_SH) == 0);

  const auto told = world.collect(true).removed;
  REQUIRE(told.size() == 4);
  REQUIRE(std::filesystem::exists(templates / "0b"));
  REQUIRE_FALSE(std::filesystem::exists(templates / ".lock-0b"));
  const GarbageReport report = world.collect();
  REQUIRE(report.removed.size() == 4);
  REQUIRE_FALSE(report.failed());
  REQUIRE(std::filesystem::exists(templates / "0a"));
  REQUIRE(std::filesystem::exists(templates / "0d"));
  for (const char* gone : {"0b", "0c", "0e.Ab1234", "0f"}) {
    REQUIRE_FALSE(std::filesystem::exists(templates / gone));
  }
}

TEST_CASE("what is remembered of a QEMU that is gone is forgotten") {
  const GarbageWorld world;
  const auto probes = world.cache() / "qemu-probe.json";
  const auto kvm = world.cache() / "kvm-probe.json";
  touch(probes, R"({"schema": "s", "binaries": {"/bin/sh": {"a": 1}, "/no/qemu": {"a": 2}}})");
  touch(kvm, R"({"boot_id": ")" + host_boot_id() + R"(", "qemu": "/bin/sh:1:2.3"})");
  const GarbageReport report = world.collect();
  REQUIRE(names_of(report.removed) == Names{"qemu-probe.json"});
  REQUIRE_THAT(report.removed[0].reason, ContainsSubstring("/no/qemu"));
  const auto left = json::parse(files::read(probes));
  REQUIRE((*left)["binaries"].as_object()->size() == 1);
  REQUIRE((*left)["binaries"]["/bin/sh"].integer("a", 0) == 1);
  touch(kvm, R"({"boot_id": ")" + host_boot_id() + R"(", "qemu": "/no/qemu:1:2.3"})");
  REQUIRE(names_of(world.collect().removed) == Names{"kvm-probe.json"});
  touch(kvm, R"({"boot_id": "another", "qemu": "/bin/sh:1:2.3"})");
  REQUIRE(names_of(world.collect().removed) == Names{"kvm-probe.json"});
}
