// SPDX-License-Identifier: MIT
// The disks of machines, on a real QEMU and on the fake one alike.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include <vmfleet/io/files.hpp>
#include <vmfleet/machine/stop.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

MachineConfig with_disk(const std::filesystem::path& file, DiskMode mode) {
  MachineConfig config = config_of("marker");
  config.paused = true;
  config.disks.emplace_back(file.string());
  config.disks[0].mode = mode;
  return config;
}

void write_image(const std::filesystem::path& path, char content, Bytes size = Bytes::mebi(1)) {
  std::ofstream(path) << std::string(4096, content);
  std::filesystem::resize_file(path, size.count());
}

Task<ErrorKind> refusal_of(MachineConfig config, LaunchOptions options) {
  const Error error = co_await error_of(launch_once(std::move(config), std::move(options)));
  co_return error.kind();
}

/// The directory of a machine that has ended, with a disk of its own and a damaged record.
Task<std::filesystem::path> end_damaged(const MachineConfig& config, const TempDir& root) {
  co_await launch_once(config, detached(root));
  const auto directory = root / "default" / config.name;
  files::write_atomically(directory / instance_file::kIntent, "damaged");
  co_return directory;
}

/// Listens on this port of 127.0.0.1.
UniqueFd hold_port(const std::string& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  REQUIRE(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

std::string bytes_of(const std::filesystem::path& path) {
  return files::read(path, Bytes::mebi(64));
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a machine's own disk is kept from one life to the next") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "root.img", 'a');
  for (const DiskMode mode : {DiskMode::copy, DiskMode::overlay}) {
    MachineConfig config = with_disk(images / "root.img", mode);
    config.name = std::string(to_string(mode));
    const auto disk = root / "default" / config.name / disk_path(config.disks[0], 0, "");
    co_await launch_once(config, detached(root));
    const auto made = std::filesystem::last_write_time(disk);
    co_await launch_once(config, detached(root));
    REQUIRE(std::filesystem::last_write_time(disk) == made);
    REQUIRE(std::filesystem::hard_link_count(disk) == 1);
  }
}

VMFLEET_ASYNC_TEST_CASE(
    "a launch that is taken back leaves the disk of a machine with a damaged record") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "root.img", 'a');
  const MachineConfig config = with_disk(images / "root.img", DiskMode::copy);
  const auto directory = co_await end_damaged(config, root);
  REQUIRE(inspect_machine(directory).error->kind() == ErrorKind::corrupt);  // and sets it aside
  Machine machine = co_await Machine::launch(config, detached(root));
  co_await machine.undo_launch();
  REQUIRE(std::filesystem::exists(directory / disk_path(config.disks[0], 0, "")));
}

VMFLEET_ASYNC_TEST_CASE("a machine with a damaged record is removed with its disks") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "root.img", 'a');
  const MachineConfig config = with_disk(images / "root.img", DiskMode::copy);
  const auto directory = co_await end_damaged(config, root);
  StopOptions options;
  options.remove = true;
  co_await end_machine(directory, options);
  REQUIRE_FALSE(std::filesystem::exists(directory));
}

VMFLEET_ASYNC_TEST_CASE("a disk that was told of a host port is kept when that is another one") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "root.img", 'a');
  MachineConfig config = with_forward(with_disk(images / "root.img", DiskMode::copy));
  config.append = {"port={port:ssh}"};
  Injection& tool = config.injections.emplace_back();
  tool.via = InjectionWay::tool;
  tool.command = {"sh",          "-c", "cp \"$1\" \"$2\"", "", "{source}", (root / "told").string(),
                  "{disk:disk0}"};
  tool.text = "{port:ssh}";
  co_await launch_once(config, detached(root));
  const std::string first = files::read(root / "told");
  REQUIRE_THAT(first, !ContainsSubstring("port"));
  REQUIRE(disks_fit(config, root / "default" / config.name));
  const UniqueFd taken = hold_port(first);  // a later launch has to take another one
  co_await launch_once(config, detached(root));
  REQUIRE(files::read(root / "told") == first);  // nothing was done to the disk again
}

VMFLEET_ASYNC_TEST_CASE("a disk whose request or source changed is not booted from") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "a.img", 'a');
  write_image(images / "b.img", 'b');
  MachineConfig config = with_disk(images / "a.img", DiskMode::copy);
  const auto disk = root / "default/vm-0/disk0.raw";
  co_await launch_once(config, detached(root));
  REQUIRE(bytes_of(disk)[0] == 'a');
  LaunchOptions remake = detached(root);
  remake.remake_disks = true;

  config.disks[0].file = (images / "b.img").string();
  ErrorKind kind = co_await refusal_of(config, detached(root));
  REQUIRE(kind == ErrorKind::conflict);
  REQUIRE(bytes_of(disk)[0] == 'a');
  co_await launch_once(config, remake);
  REQUIRE(bytes_of(disk)[0] == 'b');

  write_image(images / "b.img", 'c');
  kind = co_await refusal_of(config, detached(root));
  REQUIRE(kind == ErrorKind::conflict);
  co_await launch_once(config, remake);
  REQUIRE(bytes_of(disk)[0] == 'c');

  config.disks[0].size = Bytes::mebi(2);
  kind = co_await refusal_of(config, detached(root));
  REQUIRE(kind == ErrorKind::conflict);
  co_await launch_once(config, remake);
  REQUIRE(std::filesystem::file_size(disk) == Bytes::mebi(2).count());

  config.disks[0].mode = DiskMode::overlay;
  kind = co_await refusal_of(config, detached(root));
  REQUIRE(kind == ErrorKind::conflict);
  co_await launch_once(config, remake);
  REQUIRE_FALSE(std::filesystem::exists(disk));
  REQUIRE(std::filesystem::exists(root / "default/vm-0/disk0.qcow2"));
}

VMFLEET_ASYNC_TEST_CASE("a snapshot forgets at every start") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "a.img", 'a');
  const MachineConfig config = with_disk(images / "a.img", DiskMode::snapshot);
  co_await launch_once(config, detached(root));
  const auto disk = root / "default/vm-0/disk0.qcow2";
  const std::string fresh = bytes_of(disk);
  std::ofstream(disk, std::ios::app) << "written";
  co_await launch_once(config, detached(root));
  REQUIRE(bytes_of(disk) == fresh);
}

VMFLEET_ASYNC_TEST_CASE("the record names the files before any of them exists") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "a.img", 'a');
  LaunchOptions options = detached(root);
  std::string intent;
  bool disk_existed = false;
  options.on_step = [&](std::string_view step) {
    if (step != "staging disks") return;
    intent = files::read(root / "default/vm-0/intent.json");
    disk_existed = std::filesystem::exists(root / "default/vm-0/disk0.raw");
  };
  co_await launch_once(with_disk(images / "a.img", DiskMode::copy), options);
  REQUIRE_FALSE(disk_existed);
  REQUIRE_THAT(intent, ContainsSubstring("disk0.raw.part"));
}

VMFLEET_ASYNC_TEST_CASE("a launch that is cancelled while it stages leaves no unfinished file") {
  ProcessLeakGuard guard;
  const TempDir images;
  write_image(images / "a.img", 'a');
  for (const DiskMode mode : {DiskMode::copy, DiskMode::overlay}) {
    const TempDir root;
    const MachineConfig config = with_disk(images / "a.img", mode);
    const auto name = disk_path(config.disks[0], 0, "");
    co_await launch_once(config, detached(root));
    std::filesystem::remove(root / "default/vm-0" / name);
    CancelScope scope;
    LaunchOptions options = detached(root);
    options.on_step = [&](std::string_view step) {
      if (step == "staging disks") scope.cancel();
    };
    const auto result = co_await scope.run(launch_once(config, options));
    REQUIRE_FALSE(result.has_value());
    for (const auto& entry : std::filesystem::directory_iterator(root / "default/vm-0")) {
      INFO(entry.path());
      REQUIRE(entry.path().filename().string().rfind("disk0", 0) != 0);
    }
  }
}

VMFLEET_ASYNC_TEST_CASE("an unreadable qcow2 image is named before QEMU starts") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "a.img", 'a');
  MachineConfig config = with_disk(images / "a.img", DiskMode::overlay);
  config.disks[0].format = DiskFormat::qcow2;
  const Error error = co_await error_of(launch_once(config, detached(root)));
  REQUIRE_THAT(error.message(), ContainsSubstring("a.img is not a qcow2 image"));
}

VMFLEET_ASYNC_TEST_CASE("a file that is being written has no reader, and the writer no rival") {
  ProcessLeakGuard guard;
  const TempDir root;
  const TempDir images;
  write_image(images / "a.img", 'a');
  const UniqueFd writer = files::open(images / "a.img", O_RDWR);
  struct flock lock {};  // as QEMU's
  lock.l_type = F_RDLCK;
  lock.l_start = 101;
  lock.l_len = 1;
  REQUIRE(::fcntl(writer.get(), F_OFD_SETLK, &lock) == 0);
  for (const DiskMode mode : {DiskMode::overlay, DiskMode::copy, DiskMode::snapshot,
                              DiskMode::read_only, DiskMode::direct}) {
    const ErrorKind kind = co_await refusal_of(with_disk(images / "a.img", mode), detached(root));
    INFO(to_string(mode));
    REQUIRE(kind == ErrorKind::conflict);
  }
}
