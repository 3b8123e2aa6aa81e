// SPDX-License-Identifier: MIT
// Where the tiny guests and fake_qemu are: VMFLEET_TESTKIT_DIR, else where they were installed.
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/testkit/fake_qemu.hpp>
#include <vmfleet/testkit/guests.hpp>

namespace vmfleet::testkit {
namespace {

std::filesystem::path find(const std::string& file) {
  const char* chosen = std::getenv("VMFLEET_TESTKIT_DIR");
  const std::filesystem::path folder(chosen == nullptr ? VMFLEET_INSTALLED_TESTKIT : chosen);
  std::filesystem::path path = folder / file;
  if (!std::filesystem::exists(path)) {
    throw Error(ErrorKind::not_found, fmt::format("there is no {}", path.string()))
        .hint("set VMFLEET_TESTKIT_DIR to the folder of the test kit");
  }
  return path;
}

}  // namespace

std::filesystem::path guest_path(std::string_view name, std::string_view arch) {
  return find(arch == "x86_64" ? fmt::format("{}.elf", name)
                               : fmt::format("{}.{}.img", name, arch));
}

std::filesystem::path fake_qemu_path() {
  return find("fake_qemu");
}

}  // namespace vmfleet::testkit
