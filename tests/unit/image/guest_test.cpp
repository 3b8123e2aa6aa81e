// SPDX-License-Identifier: MIT
#include <image/guest.hpp>

#include <sys/stat.h>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using namespace vmfleet::test;

namespace {

/// A root with a static busybox, sshd and its library.
void fill(const TempDir& root) {
  write_file(root / "bin/busybox", make_elf({{".text", "busybox"}}));
  write_file(root / "usr/sbin/dropbear", make_program({"libc.so.6"}, "/lib64/ld.so"));
  write_file(root / "lib64/ld.so", make_program({}, ""));
  write_file(root / "lib/x86_64-linux-gnu/libc.so.6", make_program({}, ""));
}

std::map<std::string, Entry> build(const TempDir& root, const LoadedModules& modules = {}) {
  const HostTree tree(root.path());
  return read_cpio(build_guest_initrd(tree, modules, "6.1.0", guest_arch("x86_64")));
}

}  // namespace

TEST_CASE("the guest has an init, a console, its programs and their libraries") {
  const TempDir root;
  fill(root);
  const auto entries = build(root);
  REQUIRE(entries.at("init").mode == (S_IFREG | 0755));
  REQUIRE_THAT(entries.at("init").contents, ContainsSubstring("vmfleet: guest ready"));
  REQUIRE(entries.at("dev/console").major == 5);
  REQUIRE(entries.at("bin/sh").contents == "/bin/busybox");
  REQUIRE(entries.at("usr/sbin/dropbear").mode == (S_IFREG | 0755));
  REQUIRE(entries.count("lib/x86_64-linux-gnu/libc.so.6") == 1);
  REQUIRE(entries.count("lib64/ld.so") == 1);
  REQUIRE(entries.at("root/.ssh").mode == (S_IFDIR | 0700));
  REQUIRE(entries.at("root/.ssh/authorized_keys").mode == (S_IFREG | 0600));
}

TEST_CASE("no password opens the guest") {
  const TempDir root;
  fill(root);
  REQUIRE(build(root).at("etc/passwd").contents == "root:*:0:0:root:/root:/bin/sh\n");
}

TEST_CASE("a guest without sshd and agent is possible, without busybox it is not") {
  const TempDir root;
  REQUIRE_THROWS_AS(build(root), Error);
  write_file(root / "usr/bin/busybox", make_elf({{".text", "busybox"}}));
  REQUIRE(build(root).count("bin/busybox") == 1);
}

TEST_CASE("a busybox that needs libraries is refused with a hint") {
  const TempDir root;
  write_file(root / "bin/busybox", make_program({"libc.so.6"}, "/lib64/ld.so"));
  try {
    build(root);
    FAIL("no error");
  } catch (const Error& error) {
    REQUIRE_THAT(error.hint(), ContainsSubstring("busybox-static"));
  }
}

TEST_CASE("modules are read with their dependencies, unpacked and without signature") {
  const TempDir root;
  const std::string ring = make_module("");
  const std::string signature("signature bytes");
  const std::string trailer = std::string(8, '\0') + std::string("\0\0\0\x0f", 4);
  write_file(root / "a/virtio_net.ko.xz", compress("xz", make_module("virtio_ring", "virtio:1")));
  write_file(root / "b/virtio_ring.ko",
             ring + signature + trailer + "~Module signature appended~\n");
  const HostTree tree(root.path());
  const ModulePaths paths{{"virtio_net", "a/virtio_net.ko.xz"},
                          {"virtio_ring", "b/virtio_ring.ko"}};
  const auto loaded = load_modules(tree, paths, {"virtio_net", "not_there"});
  REQUIRE(loaded.missing.empty());
  REQUIRE(loaded.contents.at("virtio_ring") == ring);
  REQUIRE(loaded.contents.at("virtio_net") == make_module("virtio_ring", "virtio:1"));

  fill(root);
  const auto entries = build(root, loaded);
  REQUIRE(entries.at("lib/modules/6.1.0/virtio_ring.ko").contents == ring);
  REQUIRE_THAT(entries.at("lib/modules/6.1.0/modules.dep").contents,
               ContainsSubstring("virtio_net.ko: virtio_ring.ko\n"));
  REQUIRE(entries.at("lib/modules/6.1.0/modules.alias").contents == "alias virtio:1 virtio_net\n");
}

TEST_CASE("a dependency that cannot be read is reported as missing") {
  const TempDir root;
  write_file(root / "a.ko", make_module("b"));
  const HostTree tree(root.path());
  const ModulePaths paths{{"a", "a.ko"}};
  REQUIRE(load_modules(tree, paths, {"a"}).missing == std::set<std::string>{"b"});
}

TEST_CASE("a forged signature length leaves the module as it is") {
  const TempDir root;
  const std::string module =
      make_module("") + std::string(8, '\0') + "\xff\xff\xff\xff" + "~Module signature appended~\n";
  write_file(root / "a.ko", module);
  const HostTree tree(root.path());
  REQUIRE(load_modules(tree, {{"a", "a.ko"}}, {"a"}).contents.at("a") == module);
}

TEST_CASE("architectures that have no guest are refused") {
  REQUIRE(guest_arch("aarch64").console == "ttyAMA0");
  REQUIRE_THROWS_AS(guest_arch("../x"), Error);
}
