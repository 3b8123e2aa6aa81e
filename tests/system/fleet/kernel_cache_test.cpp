// SPDX-License-Identifier: MIT
// A compressed kernel boots as its unpacked copy, and as it is where that cannot be.
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

const std::vector<std::string> kAllOfThem;

/// A kernel in a bzImage that holds nothing else: whoever boots it has unpacked it.
class PackedKernel {
 public:
  explicit PackedKernel(const std::string& kernel) {
    files::write_atomically(root / "bzImage", pack_kernel("gzip", kernel));
    ::setenv("XDG_CACHE_HOME", (root / "cache").c_str(), 1);
  }
  PackedKernel(const PackedKernel&) = delete;
  PackedKernel& operator=(const PackedKernel&) = delete;
  ~PackedKernel() {
    if (home_cache_.empty()) {
      ::unsetenv("XDG_CACHE_HOME");
    } else {
      ::setenv("XDG_CACHE_HOME", home_cache_.c_str(), 1);
    }
  }

  [[nodiscard]] FleetSpec spec(const std::string& keys) const {
    SpecOptions options;
    options.state_root = root / "state";
    options.fleet = "demo";
    const std::string text = "[machine.vm]\naccel = \"tcg\"\nkernel = \"bzImage\"\n" + keys;
    return FleetSpec::parse(text, root / "vmfleet.toml", SpecFormat::toml, options);
  }
  /// What QEMU was given.
  [[nodiscard]] std::filesystem::path booted() const {
    const auto intent = read_intent(InstanceDirectory::open(root / "state" / "demo" / "vm"));
    REQUIRE(intent);
    for (std::size_t i = 1; i < intent->argv.size(); ++i) {
      if (intent->argv[i - 1] == "-kernel") return intent->argv[i];
    }
    return {};
  }
  /// Of the next `up`: what it warns of.
  UpOptions told() {
    UpOptions options;
    options.progress = [this](const ProgressEvent& event) {
      if (event.detail.find("warning") != std::string::npos) warnings.push_back(event.detail);
    };
    return options;
  }

  TempDir root;
  std::vector<std::string> warnings;

 private:
  std::string home_cache_ =
      std::getenv("XDG_CACHE_HOME") == nullptr ? "" : std::getenv("XDG_CACHE_HOME");
};

/// Debian's kernel.
Task<Image> find_linux() {
  ImageStore store;
  BuildOptions build;
  build.arch = "x86_64";
  Image image = co_await store.find_or_build("tiny", build, nullptr);
  co_return image;
}

std::string boot_keys(const Image& image) {
  return fmt::format(
      "initrd = \"{}\"\nappend = [\"{}\"]\nready.serial = \"{}\"\nready.timeout = \"120s\"\n",
      image.initrd.string(), image.append_for(1, true, true), image.ready_marker);
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a bzImage boots as its unpacked copy, and its machines stay the same") {
  ProcessLeakGuard guard;
  const Image image = co_await find_linux();
  PackedKernel packed(read_whole(image.kernel));
  const std::string keys = boot_keys(image);
  Fleet fleet(packed.root / "state", "demo");
  const FleetReport up = co_await fleet.up(packed.spec(keys), packed.told());
  for (const auto& machine : up.machines) {
    if (machine.error) FAIL(machine.error->what());
  }
  CHECK(up.ready() == 1);
  CHECK(packed.warnings.empty());
  CHECK(packed.booted().parent_path() == packed.root / "cache" / "vmfleet" / "kernels");

  const FleetReport again = co_await fleet.up(packed.spec(keys));
  CHECK(again.machines.at(0).pid == up.machines.at(0).pid);
  const FleetReport down = co_await fleet.down(kAllOfThem, StopOptions::kill());
  CHECK(down.failed() == 0);
}

VMFLEET_ASYNC_TEST_CASE("what cannot boot unpacked is given to QEMU as it is") {
  ProcessLeakGuard guard;
  PackedKernel packed(fake_kernel());
  const auto kernel = packed.root / "bzImage";
  std::string keys = "paused = true\n";
  std::string warning;
  SECTION("a damaged kernel, with a warning") {
    const std::string whole = read_whole(kernel);
    write_file(kernel, whole.substr(0, whole.size() / 2));
    warning = "cut short";
  }
  SECTION("no room for a cache, with a warning") {
    write_file(packed.root / "cache", "a file");
    warning = (packed.root / "cache").string();
  }
  SECTION("it was not asked for") {
    keys += "kernel_cache = false\n";
  }
  SECTION("firmware boots it") {
    write_file(packed.root / "bios", std::string(64 * 1024, '\xf4'));
    keys += "bios = \"bios\"\n";
  }
  Fleet fleet(packed.root / "state", "demo");
  const FleetReport up = co_await fleet.up(packed.spec(keys), packed.told());
  for (const auto& machine : up.machines) {
    if (machine.error) FAIL(machine.error->what());
  }
  CHECK(packed.booted() == kernel);
  CHECK(packed.warnings.size() == (warning.empty() ? 0 : 1));
  for (const auto& told : packed.warnings) CHECK_THAT(told, ContainsSubstring(warning));
  const FleetReport down = co_await fleet.down(kAllOfThem, StopOptions::kill());
  CHECK(down.failed() == 0);
}
