// SPDX-License-Identifier: MIT
// FakeApt: packages of a guest's parts, and programs that fetch them as apt's do.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/image/image_store.hpp>

#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

namespace vmfleet::test {

inline std::string triplet() {
  return host_arch() + "-linux-gnu";
}

/// Files of a kernel package, or of a host's root.
inline std::map<std::string, std::string> kernel_files(const std::string& version) {
  const std::string modules = "./lib/modules/" + version + "/kernel/";
  return {{"./boot/vmlinuz-" + version, pack_kernel("xz", fake_kernel())},
          {modules + "drivers/virtio/virtio.ko", make_module("")},
          {modules + "drivers/net/virtio_net.ko", make_module("virtio,unforeseen")},
          {modules + "drivers/net/unforeseen.ko", make_module("")},
          {modules + "drivers/net/other.ko", make_module("")}};
}

/// apt-get and its relatives as shell scripts, in a PATH of their own; a cache beside them.
class FakeApt {
 public:
  FakeApt() {
    const char* path = ::getenv("PATH");
    old_path_ = path ? path : "";
    std::filesystem::create_directories(bin());
    std::filesystem::create_directories(debs());
    ::setenv("PATH", (bin().string() + ":" + old_path_).c_str(), 1);
    ::setenv("FAKE_APT", folder_.path().c_str(), 1);
    script("apt-config", "echo 'Dir \"/\";'");
    script("apt-cache",
           "case \"$*\" in *linux-image*) echo linux-image-6.1-x ;; *) echo libc6 ;; esac");
    script("apt-get",
           "echo \"$2\" >>$FAKE_APT/log\n"
           "case $2 in download) cp $FAKE_APT/debs/*.deb . ;; esac");
    write_deb(debs() / "kernel.deb", "linux-image-6.1-x", "6.1", kernel_files("6.1-x"));
    write_deb(debs() / "busybox.deb", "busybox-static", "1",
              {{"./bin/busybox", make_elf({{".text", "busybox"}})}});
    write_deb(debs() / "dropbear.deb", "dropbear-bin", "2",
              {{"./usr/sbin/dropbear", make_program({"libc.so.6"}, "")}});
    write_deb(debs() / "libc.deb", "libc6", "3",
              {{"./lib/" + triplet() + "/libc.so.6", make_program({}, "")}});
  }
  FakeApt(const FakeApt&) = delete;
  FakeApt& operator=(const FakeApt&) = delete;
  ~FakeApt() { ::setenv("PATH", old_path_.c_str(), 1); }

  void script(const std::string& name, const std::string& body) const {
    write_file(bin() / name, "#!/bin/sh\n" + body + "\n");
    ::chmod((bin() / name).c_str(), 0755);
  }
  [[nodiscard]] std::filesystem::path bin() const { return folder_ / "bin"; }
  [[nodiscard]] std::filesystem::path debs() const { return folder_ / "debs"; }
  [[nodiscard]] std::filesystem::path cache() const { return folder_ / "cache"; }
  [[nodiscard]] std::string log() const { return read_whole(folder_ / "log"); }
  [[nodiscard]] ImageStore store() const { return ImageStore(cache()); }

  /// What lies in the store but locks.
  [[nodiscard]] std::vector<std::string> folders() const {
    std::vector<std::string> names;
    std::error_code none_yet;
    for (const auto& entry : std::filesystem::directory_iterator(cache() / "images", none_yet)) {
      if (entry.is_directory()) names.push_back(entry.path().filename().string());
    }
    return names;
  }

 private:
  TempDir folder_;
  std::string old_path_;
};

inline BuildOptions from(ImageSource source) {
  BuildOptions options;
  options.source = source;
  return options;
}

inline Image build(const FakeApt& apt, BuildOptions options) {
  Loop loop;
  ImageStore store = apt.store();
  return loop.run(store.build("tiny", std::move(options), {}));
}

inline Error build_error(const FakeApt& apt, BuildOptions options) {
  try {
    build(apt, std::move(options));
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::internal, "there was no error");
}

}  // namespace vmfleet::test
