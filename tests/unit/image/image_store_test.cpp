// SPDX-License-Identifier: MIT
#include <vmfleet/image/image_store.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/async/when.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/fake_apt.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Gone, or only waiting to be reaped; a kill that is on its way may take its time.
bool has_ended(std::string pid) {
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (std::chrono::steady_clock::now() < deadline) {
    const std::string stat = read_whole("/proc/" + pid + "/stat");
    if (stat.empty() || stat.find(") Z ") != std::string::npos) return true;
    std::this_thread::yield();
  }
  return false;
}

void write_root(const TempDir& root, const std::map<std::string, std::string>& files) {
  for (const auto& [path, contents] : files) write_file(root / path.substr(2), contents);
}

}  // namespace

TEST_CASE("an image is built from packages, and found again") {
  const FakeApt apt;
  const Image built = build(apt, from(ImageSource::packages));
  REQUIRE(built.name == "tiny");
  REQUIRE(built.arch == host_arch());
  REQUIRE(built.kernel_version == "6.1-x");
  REQUIRE(built.memory == Bytes::mebi(256));
  REQUIRE(built.ready_marker == "vmfleet: guest ready");
  REQUIRE(built.has_sshd);
  REQUIRE_FALSE(built.has_agent);
  REQUIRE(built.packages.size() == 4);
  REQUIRE(built.packages.front() == std::pair<std::string, std::string>("busybox-static", "1"));
  REQUIRE(read_whole(built.kernel) == fake_kernel());
  const auto entries = read_cpio(read_whole(built.initrd));
  REQUIRE(entries.count("lib/modules/6.1-x/unforeseen.ko") == 1);
  REQUIRE(entries.count("lib/modules/6.1-x/other.ko") == 0);

  const auto found = apt.store().find("tiny", host_arch());
  REQUIRE(found);
  REQUIRE(found->directory == built.directory);
  REQUIRE(found->append_for(1, true) == built.append_for(1, true));
  REQUIRE(found->hash == built.hash);
  REQUIRE_FALSE(apt.store().find("tiny", "none"));
  REQUIRE_FALSE(apt.store().find("other", host_arch()));
}

TEST_CASE("a kernel that QEMU cannot boot unpacked stays packed") {
  const FakeApt apt;
  auto files = kernel_files("6.1-x");
  const std::string packed = pack_kernel("xz", fake_kernel(20'000, false));
  files["./boot/vmlinuz-6.1-x"] = packed;
  write_deb(apt.debs() / "kernel.deb", "linux-image-6.1-x", "6.1", files);
  REQUIRE(read_whole(build(apt, from(ImageSource::packages)).kernel) == packed);
}

TEST_CASE("only the owner can read an image's folder, and nothing else is left") {
  const FakeApt apt;
  const Image built = build(apt, from(ImageSource::packages));
  struct stat status {};
  REQUIRE(::stat(built.directory.c_str(), &status) == 0);
  REQUIRE((status.st_mode & 077) == 0);
  REQUIRE(apt.folders().size() == 1);
}

TEST_CASE("the same packages give the same image, and are no reason to write it again") {
  const FakeApt apt;
  const Image first = build(apt, from(ImageSource::packages));
  struct stat before {};
  struct stat after {};
  REQUIRE(::stat(first.kernel.c_str(), &before) == 0);
  const Image second = build(apt, from(ImageSource::packages));
  REQUIRE(::stat(second.kernel.c_str(), &after) == 0);
  REQUIRE(before.st_ino == after.st_ino);
  REQUIRE(second.hash == first.hash);
}

TEST_CASE("a newer package gives another image beside the old one") {
  const FakeApt apt;
  const Image first = build(apt, from(ImageSource::packages));
  write_deb(apt.debs() / "busybox.deb", "busybox-static", "2",
            {{"./bin/busybox", make_elf({{".text", "newer"}})}});
  const Image second = build(apt, from(ImageSource::packages));
  REQUIRE(second.directory != first.directory);
  REQUIRE(apt.store().list().size() == 2);
}

TEST_CASE("an image that is there is not built again unless it is asked for") {
  const FakeApt apt;
  build(apt, from(ImageSource::packages));
  apt.script("apt-get", "exit 100");
  Loop loop;
  ImageStore store = apt.store();
  REQUIRE(loop.run(store.find_or_build("tiny", BuildOptions())).name == "tiny");
}

TEST_CASE("of two that need the same image one builds it and the other waits") {
  const FakeApt apt;
  Loop loop;
  ImageStore store = apt.store();
  auto both = [&]() -> Task<> {
    auto [first, second] = co_await when_all(store.find_or_build("tiny", BuildOptions()),
                                             store.find_or_build("tiny", BuildOptions()));
    REQUIRE(first.directory == second.directory);
  };
  loop.run(both());
  REQUIRE(apt.log() == "download\n");
}

TEST_CASE("a damaged or unfinished image is not used, and built anew") {
  const FakeApt apt;
  const Image built = build(apt, from(ImageSource::packages));
  SECTION("a kernel cut short") {
    std::filesystem::resize_file(built.kernel, 100);
  }
  SECTION("no initrd") {
    std::filesystem::remove(built.initrd);
  }
  SECTION("no description") {
    std::filesystem::remove(built.directory / "image.json");
  }
  SECTION("a damaged description") {
    write_file(built.directory / "image.json", "{\"schema\":");
  }
  REQUIRE(apt.store().list().empty());
  Loop loop;
  ImageStore store = apt.store();
  const Image again = loop.run(store.find_or_build("tiny", BuildOptions()));
  REQUIRE(read_whole(again.kernel) == fake_kernel());
  REQUIRE(again.directory == built.directory);
}

TEST_CASE("a store that cannot be looked into is not taken for empty") {
  const FakeApt apt;
  const Image built = build(apt, from(ImageSource::packages));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  const auto look = [&](rlim_t descriptors) -> std::string {
    none.rlim_cur = descriptors;
    ::setrlimit(RLIMIT_NOFILE, &none);
    try {
      return std::to_string(apt.store().list().size());
    } catch (const Error& error) {
      return error.code().message();
    }
  };
  const int next = ::dup(0);
  ::close(next);
  std::vector<std::string> seen;
  for (int more = 0; more < 8; ++more) seen.push_back(look(static_cast<rlim_t>(next + more)));
  ::setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(std::count(seen.begin(), seen.end(), "0") == 0);
  REQUIRE(seen.front() == "Too many open files");
  REQUIRE(seen.back() == "1");
}

TEST_CASE("what a killed build has left is removed by the next one") {
  const FakeApt apt;
  write_file(apt.cache() / "images" / (".building-tiny-" + host_arch() + "-image-xyz") / "vmlinux",
             "half");
  REQUIRE(apt.store().list().empty());
  build(apt, from(ImageSource::packages));
  REQUIRE(apt.folders().size() == 1);
}

TEST_CASE("package lists that are out of date are fetched privately") {
  const FakeApt apt;
  apt.script("apt-get",
             "echo \"$2 ${APT_CONFIG:+private}\" >>$FAKE_APT/log\n"
             "case $2 in download)\n"
             "[ -n \"$APT_CONFIG\" ] || { echo 'E: 404  Not Found' >&2; exit 100; }\n"
             "cp $FAKE_APT/debs/*.deb . ;; esac");
  build(apt, from(ImageSource::packages));
  REQUIRE(apt.log() == "download \nupdate private\ndownload private\n");
}

TEST_CASE("without network the error has apt's own words and a hint, and nothing is left") {
  const FakeApt apt;
  apt.script("apt-get", "echo 'E: Could not resolve host' >&2; exit 100");
  const Error error = build_error(apt, from(ImageSource::packages));
  REQUIRE(error.kind() == ErrorKind::unavailable);
  REQUIRE_THAT(error.message(), ContainsSubstring("build image tiny: apt-get update failed"));
  REQUIRE(error.evidence().front() == "E: Could not resolve host");
  REQUIRE_THAT(error.hint(), ContainsSubstring("network"));
  REQUIRE(apt.folders().empty());
}

TEST_CASE("one source that cannot be reached does not matter when the packages can be had") {
  const FakeApt apt;
  apt.script("apt-get",
             "case $2 in update) echo 'E: one source is gone' >&2; exit 100 ;; download)\n"
             "[ -n \"$APT_CONFIG\" ] || exit 100\n"
             "cp $FAKE_APT/debs/*.deb . ;; esac");
  REQUIRE(build(apt, from(ImageSource::packages)).name == "tiny");
}

TEST_CASE("without apt the host is unfit to download") {
  const FakeApt apt;
  const TempDir empty;
  ::setenv("PATH", empty.path().c_str(), 1);
  const Error error = build_error(apt, from(ImageSource::packages));
  REQUIRE(error.kind() == ErrorKind::host_unfit);
  REQUIRE_THAT(error.message(), ContainsSubstring("apt is not installed"));
}

TEST_CASE("a damaged package is named, and nothing is left") {
  const FakeApt apt;
  const std::string whole = read_whole(apt.debs() / "kernel.deb");
  write_file(apt.debs() / "kernel.deb", whole.substr(0, whole.size() / 2));
  const Error error = build_error(apt, from(ImageSource::packages));
  REQUIRE(error.kind() == ErrorKind::corrupt);
  REQUIRE_THAT(error.message(), ContainsSubstring("kernel.deb"));
  REQUIRE(apt.folders().empty());
}

TEST_CASE("a build that is cancelled ends apt and leaves nothing") {
  const FakeApt apt;
  apt.script("apt-get",
             "echo $$ >$FAKE_APT/pid.part; mv $FAKE_APT/pid.part $FAKE_APT/pid; exec sleep 1000");
  Loop loop;
  ImageStore store = apt.store();
  const auto pid_file = apt.cache().parent_path() / "pid";
  auto watch = [&]() -> Task<> {
    while (!std::filesystem::exists(pid_file)) co_await sleep_for(Milliseconds(5));
  };
  auto body = [&]() -> Task<> { co_await when_any(store.build("tiny"), watch()); };
  loop.run(body());
  REQUIRE(has_ended(read_whole(pid_file)));
  REQUIRE(apt.folders().empty());
}

TEST_CASE("a download that never ends reaches the build's time limit") {
  const FakeApt apt;
  apt.script("apt-get", "exec sleep 1000");
  BuildOptions options = from(ImageSource::packages);
  options.timeout = Milliseconds(50);
  REQUIRE(build_error(apt, options).kind() == ErrorKind::timed_out);
  REQUIRE(apt.folders().empty());
}

TEST_CASE("the host's newest kernel whose modules are there makes an image") {
  const FakeApt apt;
  const TempDir root;
  write_root(root, kernel_files("6.1-x"));
  write_root(root, kernel_files("6.9-y"));
  write_file(root / "boot/vmlinuz-7.0-no-modules", pack_kernel("xz", fake_kernel()));
  write_file(root / "usr/bin/busybox", make_elf({{".text", "busybox"}}));
  BuildOptions options = from(ImageSource::host);
  options.host_root = root.path();
  const Image built = build(apt, options);
  REQUIRE(built.kernel_version == "6.9-y");
  REQUIRE_FALSE(built.has_sshd);
  REQUIRE(built.packages.empty());
}

TEST_CASE(
    "when no packages can be had, the host serves; when it cannot either, both reasons are told") {
  const FakeApt apt;
  apt.script("apt-get", "echo 'E: Could not resolve host' >&2; exit 100");
  const TempDir root;
  BuildOptions options = from(ImageSource::automatic);
  options.host_root = root.path();
  const Error error = build_error(apt, options);
  REQUIRE(error.kind() == ErrorKind::unavailable);
  REQUIRE(error.evidence().front() == "E: Could not resolve host");
  REQUIRE_THAT(error.evidence().back(), ContainsSubstring("/boot has no kernel"));

  write_root(root, kernel_files("6.1-x"));
  write_file(root / "bin/busybox", make_elf({{".text", "busybox"}}));
  REQUIRE(build(apt, options).kernel_version == "6.1-x");
}

TEST_CASE("unknown names and architectures are refused before anything is made") {
  const FakeApt apt;
  Loop loop;
  ImageStore store = apt.store();
  REQUIRE_THROWS_AS(loop.run(store.build("ubuntu", BuildOptions(), {})), Error);
  BuildOptions options;
  options.arch = "../../x";
  REQUIRE(build_error(apt, options).kind() == ErrorKind::invalid_config);
  REQUIRE_FALSE(std::filesystem::exists(apt.cache()));
}

TEST_CASE("a cache that cannot be made is told with how to name another") {
  Loop loop;
  ImageStore store("/proc/nothing");
  std::string hint;
  try {
    loop.run(store.build("tiny", BuildOptions(), {}));
  } catch (const Error& error) {
    hint = error.hint();
  }
  REQUIRE_THAT(hint, ContainsSubstring("XDG_CACHE_HOME"));
}

TEST_CASE("the cache is where the XDG rules put it") {
  const char* old = ::getenv("XDG_CACHE_HOME");
  const std::string kept = old ? old : "";
  ::setenv("XDG_CACHE_HOME", "/somewhere", 1);
  REQUIRE(default_cache_root() == "/somewhere/vmfleet");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  REQUIRE(default_cache_root().is_absolute());
  REQUIRE(default_cache_root().parent_path().filename() == ".cache");
  if (old) {
    ::setenv("XDG_CACHE_HOME", kept.c_str(), 1);
  } else {
    ::unsetenv("XDG_CACHE_HOME");
  }
}

TEST_CASE("emulated machines, and those with one processor, get arguments of their own") {
  Image image;
  image.append = "console=ttyS0";
  REQUIRE(image.append_for(1, true) == "console=ttyS0");
  image.append_emulated = "rodata=off";
  image.append_one_emulated_cpu = "nolapic_timer";
  REQUIRE(image.append_for(1, true) == "console=ttyS0 rodata=off nolapic_timer");
  REQUIRE(image.append_for(1, true, false) == "console=ttyS0 rodata=off");
  REQUIRE(image.append_for(2, true) == "console=ttyS0 rodata=off");
  REQUIRE(image.append_for(1, false) == "console=ttyS0");
}

TEST_CASE("an image that was removed is gone with its folder, and can be built again") {
  const FakeApt apt;
  const Image image = build(apt, from(ImageSource::packages));
  apt.store().remove(image);
  REQUIRE(apt.store().list().empty());
  REQUIRE(apt.folders().empty());
  try {
    apt.store().remove(image);
    FAIL("it was there");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
  }
  REQUIRE(build(apt, from(ImageSource::packages)).directory == image.directory);
}

TEST_CASE("while an image is built none of its name and architecture is removed") {
  const FakeApt apt;
  const Image image = build(apt, from(ImageSource::packages));
  const auto lock_path = apt.cache() / "images" / (".lock-tiny-" + host_arch());
  const UniqueFd builder = files::open(lock_path, O_RDWR);
  REQUIRE(::flock(builder.get(), LOCK_EX | LOCK_NB) == 0);
  try {
    apt.store().remove(image);
    FAIL("it was removed");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::conflict);
    REQUIRE_THAT(error.message(), ContainsSubstring("is being built"));
  }
  REQUIRE(apt.store().list().size() == 1);
}
