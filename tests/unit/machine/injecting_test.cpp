// SPDX-License-Identifier: MIT
#include "machine/injecting.hpp"

#include <sys/stat.h>

#include <fstream>

#include <vmfleet/base/base64.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/image/initrd.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qemu/injected_files.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

struct Place {
  Place() : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {
    config.name = "vm-0";
    config.uuid = "12345678-1234-4234-8234-123456789abc";
    config.kernel = (temp / "vmlinux").string();
    config.initrd = (temp / "initrd").string();
    std::ofstream(config.kernel) << "kernel";
    std::ofstream(config.initrd) << "odd sized";
  }

  Injection& inject(InjectionWay way, const std::string& path, const std::string& text) {
    Injection& injection = config.injections.emplace_back();
    injection.via = way;
    injection.path = path;
    injection.text = text;
    return injection;
  }
  Injection& tool(std::vector<std::string> command) {
    Injection& injection = config.injections.emplace_back();
    injection.via = InjectionWay::tool;
    injection.command = std::move(command);
    return injection;
  }
  void make() const {
    write_injected(config, directory);
    testkit::run_async(make_boot_files(config, directory));
  }
  [[nodiscard]] std::string read(const char* name) const {
    return files::read(directory.file(name));
  }
  [[nodiscard]] std::size_t files_made() const {
    const std::filesystem::directory_iterator entries(directory.path());
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
  }

  TempDir temp;
  InstanceDirectory directory;
  MachineConfig config;
};

}  // namespace

TEST_CASE("each start has random bytes of its own") {
  Place place;
  place.make();
  const std::string first = place.read(instance_file::kEntropy);
  REQUIRE(first.size() == 32);
  REQUIRE(place.files_made() == 1);
  place.directory.remove_injected();
  REQUIRE(place.files_made() == 0);
  place.make();
  REQUIRE(place.read(instance_file::kEntropy) != first);
}

TEST_CASE("all that is injected is for its owner alone, known by name, and removed by name") {
  Place place;
  place.inject(InjectionWay::fw_cfg, "a", "text");
  place.inject(InjectionWay::credential, "token", "s3cret");
  place.inject(InjectionWay::initrd, "/etc/motd", "hello");
  place.inject(InjectionWay::cloud_init, "user-data", "#cloud-config\n");
  place.tool({"true", "{kernel}"});
  place.make();
  REQUIRE(place.read("inject0") == "text");
  REQUIRE(place.read("inject1") == "io.systemd.credential.binary:token=" + encode_base64("s3cret"));
  for (const auto& entry : std::filesystem::directory_iterator(place.directory.path())) {
    INFO(entry.path());
    REQUIRE((std::filesystem::status(entry.path()).permissions() &
             (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
            std::filesystem::perms::none);
  }
  REQUIRE(place.files_made() == 6);
  place.directory.remove_injected();
  REQUIRE(place.files_made() == 0);
}

TEST_CASE("the files that the command line names are those that are made") {
  Place place;
  place.inject(InjectionWay::initrd, "/a", "");
  place.inject(InjectionWay::cloud_init, "", "").text.reset();
  place.tool({"true", "{kernel}"});
  const auto folder = place.directory.path();
  REQUIRE(entropy_path(folder) == place.directory.file(instance_file::kEntropy));
  REQUIRE(kernel_path(place.config, folder) == place.directory.file(instance_file::kKernel));
  REQUIRE(initrd_path(place.config, folder) == place.directory.file(instance_file::kInitrd));
  REQUIRE(cloud_disk_path(folder) == place.directory.file(instance_file::kCloudDisk));
}

TEST_CASE("files are appended to a private copy of the initrd, whose own is left alone") {
  Place place;
  place.inject(InjectionWay::initrd, "/root/motd", "hello");
  place.make();
  InitrdWriter expected;
  expected.directory("root", 0700);
  expected.file("root/motd", "hello");
  REQUIRE(place.read(instance_file::kInitrd) ==
          std::string("odd sized\0\0\0", 12) + std::move(expected).finish());
  REQUIRE(files::read(place.config.initrd) == "odd sized");
}

TEST_CASE("a machine without an initrd gets one of what is injected") {
  Place place;
  place.config.initrd.clear();
  place.inject(InjectionWay::initrd, "/etc/motd", "hello");
  place.make();
  InitrdWriter expected;
  expected.file("etc/motd", "hello");
  REQUIRE(place.read(instance_file::kInitrd) == std::move(expected).finish());
}

TEST_CASE("a source keeps its permissions in the guest") {
  Place place;
  place.config.initrd.clear();
  std::ofstream(place.temp / "run") << "#!/bin/sh\n";
  std::filesystem::permissions(place.temp / "run", std::filesystem::perms::owner_all);
  Injection& injection = place.inject(InjectionWay::initrd, "/run.sh", "");
  injection.text.reset();
  injection.source = (place.temp / "run").string();
  place.make();
  InitrdWriter expected;
  expected.file("run.sh", "#!/bin/sh\n", 0700);
  REQUIRE(place.read(instance_file::kInitrd) == std::move(expected).finish());
}

TEST_CASE("tools change copies of the kernel and the initrd, in their order") {
  Place place;
  place.tool(
      {"sh", "-c", "printf ' one' >> \"$1\"; printf ' k' >> \"$2\"", "-", "{initrd}", "{kernel}"});
  // Replaced as a whole, as some tools do it.
  place.tool({"sh", "-c", "(cat \"$1\"; printf ' two') > \"$1\".new && mv \"$1\".new \"$1\"", "-",
              "{initrd}"});
  place.make();
  REQUIRE(place.read(instance_file::kInitrd) == std::string("odd sized\0\0\0 one two", 20));
  REQUIRE(place.read(instance_file::kKernel) == "kernel k");
  REQUIRE(files::read(place.config.kernel) == "kernel");
  struct stat status {};
  REQUIRE(::stat(place.directory.file(instance_file::kInitrd).c_str(), &status) == 0);
  REQUIRE((status.st_mode & 0777) == 0600);
}

TEST_CASE("a credential that is too large for SMBIOS says where it fits") {
  Place place;
  place.inject(InjectionWay::credential, "big", std::string(40'000, 'x'));
  try {
    place.make();
    FAIL("it was written");
  } catch (const Error& error) {
    REQUIRE_THAT(error.message(), ContainsSubstring("more than the 32K"));
    REQUIRE_THAT(error.hint(), ContainsSubstring("io.systemd.credentials/big"));
  }
}
