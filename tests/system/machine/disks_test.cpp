// SPDX-License-Identifier: MIT
// What guests and QEMU see of disks: every mode and format.
#include <fstream>

#include <fmt/format.h>

#include <vmfleet/async/when.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/io/process.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

// A boot sector: prints `boot 0 `, counts the digit up in itself, writes itself back to the disk by
// the BIOS and prints `written` or `refused`.
constexpr unsigned char kBootSector[] =
    "\xfa\x31\xc0\x8e\xd8\x8e\xc0\x8e\xd0\xbc\x00\x7c\x88\xd3\xbe\x45\x7c\xac\x84\xc0\x74\x06\xba"
    "\xf8\x03\xee\xeb\xf5\xfe\x06\x4a\x7c\x88\xda\xb8\x01\x03\xbb\x00\x7c\xb9\x01\x00\xb6\x00\xcd"
    "\x13\xbe\x4d\x7c\x73\x03\xbe\x56\x7c\xac\x84\xc0\x74\x06\xba\xf8\x03\xee\xeb\xf5\xf4\xeb\xfd"
    "boot 0 \0written\n\0refused\n";

std::string boot_image() {
  std::string image(reinterpret_cast<const char*>(kBootSector), sizeof kBootSector);
  image.resize(510);
  image += "\x55\xaa";
  image.resize(Bytes::mebi(1).count());
  return image;
}

Task<void> qemu_img(std::vector<std::string> words) {
  words.insert(words.begin(), "qemu-img");
  ProcessOptions options(std::move(words));
  const ProcessOutput output = co_await run_process(std::move(options));
  INFO(output.err);
  REQUIRE(output.status.success());
}

/// A bootable image in both formats.
Task<void> make_images(std::filesystem::path folder) {
  const std::string raw = (folder / "root.raw").string();
  const std::string qcow2 = (folder / "root.qcow2").string();
  std::ofstream(raw) << boot_image();
  std::vector<std::string> words{"convert", "-f", "raw", "-O", "qcow2", raw, qcow2};
  co_await qemu_img(std::move(words));
}

MachineConfig with_disk(const std::filesystem::path& folder, DiskFormat format, DiskMode mode) {
  MachineConfig config = bare_config();
  config.disks.emplace_back((folder / ("root." + std::string(to_string(format)))).string());
  config.disks[0].format = format;
  config.disks[0].mode = mode;
  return config;
}

/// What the boot sector printed.
Task<std::string> boot_sector_says(MachineConfig config, LaunchOptions options) {
  Machine machine = co_await Machine::launch(std::move(config), std::move(options));
  Readiness readiness;
  readiness.regex = {"(written|refused)"};
  co_await machine.wait_for(readiness);
  const std::string text = files::read(machine.directory() / "serial.log");
  co_await machine.stop(StopOptions::kill());
  const auto at = text.find("boot ");
  co_return at == std::string::npos ? text : text.substr(at, 14);
}

constexpr DiskFormat kFormats[] = {DiskFormat::raw, DiskFormat::qcow2};
constexpr DiskMode kModes[] = {DiskMode::overlay, DiskMode::copy, DiskMode::snapshot,
                               DiskMode::read_only, DiskMode::direct};

}  // namespace

VMFLEET_ASYNC_TEST_CASE(
    "what a guest writes stays, is forgotten or refused, as its disk's mode says") {
  ProcessLeakGuard guard;
  for (const DiskFormat format : kFormats) {
    for (const DiskMode mode : kModes) {
      const TempDir root;
      const TempDir images;
      co_await make_images(images.path());
      const MachineConfig config = with_disk(images.path(), format, mode);
      const std::string source = files::read(config.disks[0].file);
      const std::string first = co_await boot_sector_says(config, detached(root));
      const std::string second = co_await boot_sector_says(config, detached(root));
      INFO(to_string(format) << " " << to_string(mode));
      const bool read_only = mode == DiskMode::read_only;
      REQUIRE(first == (read_only ? "boot 0 refused" : "boot 0 written"));
      const bool keeps = mode != DiskMode::snapshot && !read_only;
      REQUIRE(second.substr(0, 6) == (keeps ? "boot 1" : "boot 0"));
      REQUIRE((files::read(config.disks[0].file) == source) == (mode != DiskMode::direct));
    }
  }
}

VMFLEET_ASYNC_TEST_CASE(
    "a disk that was replaced boots the new one, and never the old on the new") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  co_await make_images(images.path());
  const MachineConfig config = with_disk(images.path(), DiskFormat::raw, DiskMode::overlay);
  std::string seen = co_await boot_sector_says(config, detached(root));
  REQUIRE(seen == "boot 0 written");
  std::string other = boot_image();
  other[74] = '5';
  std::ofstream(config.disks[0].file) << other;
  const Error error = co_await error_of(launch_once(config, detached(root)));
  REQUIRE(error.kind() == ErrorKind::conflict);
  LaunchOptions remake = detached(root);
  remake.remake_disks = true;
  seen = co_await boot_sector_says(config, remake);
  REQUIRE(seen == "boot 5 written");
}

VMFLEET_ASYNC_TEST_CASE("a disk with a thread of its own and any aio boots") {
  ProcessLeakGuard guard;
  for (const DiskAio aio : {DiskAio::threads, DiskAio::native}) {
    const TempDir root;
    const TempDir images;
    co_await make_images(images.path());
    MachineConfig config = with_disk(images.path(), DiskFormat::qcow2, DiskMode::copy);
    config.disks[0].aio = aio;
    config.disks[0].cache = DiskCache::none;
    config.disks[0].iothread = true;
    const std::string seen = co_await boot_sector_says(config, detached(root));
    INFO(to_string(aio));
    REQUIRE(seen == "boot 0 written");
  }
}

VMFLEET_ASYNC_TEST_CASE("what a paused QEMU reports of its disks is what was asked for") {
  ProcessLeakGuard guard;
  const TempDir images;
  co_await make_images(images.path());
  int number = 0;
  for (const DiskFormat format : kFormats) {
    for (const DiskMode mode : kModes) {
      const TempDir root;
      MachineConfig config = with_disk(images.path(), format, mode);
      config.paused = true;
      Disk& disk = config.disks[0];
      disk.id = fmt::format("own-{}", number);
      disk.serial = fmt::format("S,{}", number);
      disk.pci_address = fmt::format("{:#x}", 8 + number);
      disk.cache = static_cast<DiskCache>(number % 5);
      disk.iothread = number % 2 == 0;
      if (is_staged(disk) && number % 3 != 0) disk.size = Bytes::mebi(3);
      ++number;
      Machine machine = co_await Machine::launch(config, detached(root));
      auto client = co_await machine.connect();
      const json::Value devices = co_await client.execute("query-block");
      json::Object where;
      where.set("path", "/machine/peripheral/" + disk.id);
      where.set("property", "serial");
      const json::Value serial = co_await client.execute("qom-get", where);
      where.set("property", "addr");
      const json::Value address = co_await client.execute("qom-get", where);
      client.close();
      co_await machine.stop(StopOptions::kill());

      INFO(to_string(format) << " " << to_string(mode) << " " << json::write(devices));
      const json::Value& device = devices.as_array()->at(0);
      const json::Value& node = device["inserted"];
      REQUIRE(device.text("qdev") == "/machine/peripheral/" + disk.id + "/virtio-backend");
      REQUIRE(*serial.as_string() == disk.serial);
      REQUIRE(address.as_int() == (8 + number - 1) * 8);
      REQUIRE(node.text("node-name") == "node0");
      REQUIRE(node.text("drv") == to_string(opened_format(disk)));
      REQUIRE(node.text("file") == disk_path(disk, 0, machine.directory()).string());
      REQUIRE(node.flag("ro", false) == (mode == DiskMode::read_only));
      const auto size =
          static_cast<std::int64_t>(std::max(disk.size.count(), Bytes::mebi(1).count()));
      REQUIRE(node["image"].integer("virtual-size", 0) == size);
      const json::Value& cache = node["cache"];
      const bool past_cache = disk.cache == DiskCache::none || disk.cache == DiskCache::directsync;
      REQUIRE(cache.flag("direct", !past_cache) == past_cache);
      REQUIRE(cache.flag("no-flush", false) == (disk.cache == DiskCache::unsafe));
      const bool through =
          disk.cache == DiskCache::writethrough || disk.cache == DiskCache::directsync;
      REQUIRE(cache.flag("writeback", through) == !through);
      const bool overlay = mode == DiskMode::overlay || mode == DiskMode::snapshot;
      REQUIRE(node.text("backing_file") == (overlay ? disk.file : ""));
      if (overlay) {
        REQUIRE(node["image"].text("backing-filename-format") == to_string(format));
      }
    }
  }
}

VMFLEET_ASYNC_TEST_CASE(
    "one image is written by one machine, whatever the path, fleet and state root") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir other_root;
  const TempDir images;
  co_await make_images(images.path());
  MachineConfig first = with_disk(images.path(), DiskFormat::raw, DiskMode::direct);
  first.name = "db-0";
  first.fleet = "one";
  Machine owner = co_await Machine::launch(first, detached(root));
  std::filesystem::create_hard_link(images / "root.raw", images / "hard");
  std::filesystem::create_symlink("root.raw", images / "soft");
  for (const DiskMode mode : kModes) {
    for (const char* name : {"root.raw", "hard", "soft"}) {
      MachineConfig second = with_disk(images.path(), DiskFormat::raw, mode);
      second.name = "web-1";
      second.disks[0].file = (images / name).string();
      const Error error = co_await error_of(launch_once(second, detached(other_root)));
      INFO(to_string(mode) << " " << name << ": " << error.message());
      REQUIRE(error.kind() == ErrorKind::conflict);
      REQUIRE_THAT(error.message(), ContainsSubstring("web-1"));
      REQUIRE_THAT(error.message(), ContainsSubstring("db-0 of fleet one"));
    }
  }
  co_await owner.stop(StopOptions::kill());
  MachineConfig second = with_disk(images.path(), DiskFormat::raw, DiskMode::direct);
  co_await launch_once(second, detached(other_root));
}

VMFLEET_ASYNC_TEST_CASE("an image that is read by many is written by none") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  co_await make_images(images.path());
  MachineConfig config = with_disk(images.path(), DiskFormat::qcow2, DiskMode::overlay);
  config.name = "a";
  Machine a = co_await Machine::launch(config, detached(root));
  config.name = "b";
  config.disks[0].mode = DiskMode::read_only;
  Machine b = co_await Machine::launch(config, detached(root));
  config.name = "c";
  config.disks[0].mode = DiskMode::direct;
  const Error error = co_await error_of(launch_once(config, detached(root)));
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE_THAT(error.message(), ContainsSubstring("c cannot write"));
  REQUIRE_THAT(error.message(), ContainsSubstring("a of fleet default"));
  REQUIRE_THAT(error.message(), ContainsSubstring("b of fleet default"));
  co_await a.stop(StopOptions::kill());
  co_await b.stop(StopOptions::kill());
}

VMFLEET_ASYNC_TEST_CASE("of two machines that begin to write to one image at once, one does") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  co_await make_images(images.path());
  MachineConfig config = with_disk(images.path(), DiskFormat::raw, DiskMode::direct);
  std::vector<std::string> failures;
  std::vector<Machine> running;
  auto start = [&](std::string name) -> Task<void> {
    MachineConfig own = config;
    own.name = std::move(name);
    try {
      Machine machine = co_await Machine::launch(own, detached(root));
      running.push_back(std::move(machine));
    } catch (const Error& error) {
      failures.emplace_back(error.message());
      REQUIRE(error.kind() == ErrorKind::conflict);
    }
  };
  co_await when_all(start("left"), start("right"));
  REQUIRE(running.size() == 1);
  REQUIRE(failures.size() == 1);
  INFO(failures[0]);
  REQUIRE_THAT(failures[0], ContainsSubstring("left"));
  REQUIRE_THAT(failures[0], ContainsSubstring("right"));
  co_await running[0].stop(StopOptions::kill());
}
