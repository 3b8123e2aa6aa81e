// SPDX-License-Identifier: MIT
// Which images go, and who keeps them.
#include <vmfleet/fleet/image_garbage.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include <image/image_file.hpp>
#include <vmfleet/fleet/template_store.hpp>
#include <vmfleet/image/image_store.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/instance/locks.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

/// State and cache in a folder of their own.
class Cache {
 public:
  /// With a year, of which the newest is the latest.
  Image add(const std::string& name, const std::string& arch, const std::string& year) const {
    Image image;
    image.name = name;
    image.arch = arch;
    image.created = year + "-01-01T00:00:00Z";
    image.directory = options().cache_root / "images" / (name + "-" + arch + "-" + year);
    image.kernel = image.directory / image::kKernelFile;
    image.initrd = image.directory / image::kInitrdFile;
    fs::create_directories(image.directory);
    std::ofstream(image.kernel) << "kernel";
    std::ofstream(image.initrd) << "initrd";
    image::save_image(image);
    return image;
  }

  InstanceDirectory add_machine(const std::string& name, const Image& image) const {
    auto directory = InstanceDirectory::create(options().state_root, "demo", name);
    Intent intent;
    intent.fleet = "demo";
    intent.name = name;
    intent.boot_id = host_boot_id();
    intent.argv = {"qemu-system-x86_64", "-kernel", image.kernel.string()};
    write_intent(directory, intent);
    return directory;
  }

  void add_template(const std::string& key, const Image& image) const {
    const auto folder = TemplateStore(options().cache_root).directory() / key;
    fs::create_directories(folder);
    for (const char* name : {"memory", "devices", "serial.log"}) {
      std::ofstream(folder / name) << "12";
    }
    json::Object record{{"schema", "vmfleet.template/1"}, {"memory", 2}, {"key", key}};
    record.set("needs", json::Array{image.kernel.string()});
    std::ofstream(folder / "template.json") << json::write(record);
  }

  GarbageReport remove(const Names& names, const std::string& arch = "", bool force = false) const {
    ImageRemoval removal;
    removal.names = names;
    removal.arch = arch;
    removal.force = force;
    return testkit::run_async(remove_images(removal, options()));
  }

  GarbageReport prune(bool dry_run = false) const {
    GarbageOptions wanted = options();
    wanted.dry_run = dry_run;
    return testkit::run_async(prune_images(wanted));
  }

  /// The folders of those that are there.
  [[nodiscard]] Names left() const {
    Names names;
    for (const Image& image : ImageStore(options().cache_root).list()) {
      names.push_back(image.directory.filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  [[nodiscard]] GarbageOptions options() const {
    GarbageOptions options;
    options.state_root = folder_ / "state";
    options.cache_root = folder_ / "cache";
    return options;
  }

 private:
  TempDir folder_;
};

void age(const fs::path& path) {
  timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}

void put(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

Names names_in(const std::vector<Garbage>& garbage) {
  Names names;
  for (const Garbage& one : garbage) names.push_back(one.path.filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

Error error_of_removal(const Cache& cache, const Names& names, const std::string& arch = "") {
  try {
    cache.remove(names, arch);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::internal, "there was none");
}

}  // namespace

TEST_CASE("all images of a name go, or those of one architecture") {
  const Cache cache;
  cache.add("tiny", "x86_64", "2025");
  cache.add("tiny", "x86_64", "2026");
  cache.add("tiny", "aarch64", "2026");
  cache.add("other", "x86_64", "2026");
  const auto removed = cache.remove({"tiny"}, "x86_64");
  CHECK(names_in(removed.removed) == Names{"tiny-x86_64-2025", "tiny-x86_64-2026"});
  CHECK(removed.size().count() > 0);
  CHECK(cache.left() == Names{"other-x86_64-2026", "tiny-aarch64-2026"});
  cache.remove({"tiny", "other"});
  CHECK(cache.left().empty());
}

TEST_CASE("a name that no image has removes none, and is answered with the nearest") {
  const Cache cache;
  cache.add("tiny", "x86_64", "2026");
  const Error mistyped = error_of_removal(cache, {"tiny", "tinny"});
  CHECK(mistyped.kind() == ErrorKind::not_found);
  CHECK_THAT(mistyped.hint(), ContainsSubstring("did you mean 'tiny'?"));
  const Error of_arch = error_of_removal(cache, {"tiny"}, "aarch64");
  CHECK(of_arch.kind() == ErrorKind::not_found);
  CHECK_THAT(of_arch.message(), ContainsSubstring("for aarch64"));
  CHECK(cache.left().size() == 1);
}

TEST_CASE(
    "an image stays that machines and templates were made with, and it is told who they are") {
  const Cache cache;
  const Image image = cache.add("tiny", "x86_64", "2026");
  cache.add("tiny", "x86_64", "2025");
  cache.add_machine("web-0", image);
  cache.add_machine("web-1", image);
  cache.add_template("0a", image);
  const auto report = cache.remove({"tiny"});
  CHECK(names_in(report.removed) == Names{"tiny-x86_64-2025"});
  REQUIRE(report.kept.size() == 1);
  const auto& error = report.kept.front().error;
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::conflict);
  CHECK_THAT(error->message(), ContainsSubstring("web-0 of fleet demo, web-1 of fleet demo"));
  CHECK_THAT(error->message(), ContainsSubstring("template 0a"));
  CHECK_THAT(error->hint(), ContainsSubstring("`vmfleet down -p demo web-0 web-1`"));
  CHECK_THAT(error->hint(), ContainsSubstring("`vmfleet template rm 0a`"));
  CHECK_THAT(error->hint(), ContainsSubstring("--force"));
  CHECK(names_in(cache.remove({"tiny"}, "", true).removed) == Names{"tiny-x86_64-2026"});
}

TEST_CASE("an image of a machine that lives stays, whoever asks and however it was named") {
  const Cache cache;
  const Image image = cache.add("tiny", "x86_64", "2026");
  const TempDir elsewhere;
  fs::create_directory_symlink(image.directory, elsewhere / "link");
  Image linked = image;
  linked.kernel = elsewhere / "link" / image::kKernelFile;
  const auto alive = lock_alive(cache.add_machine("web-0", linked));
  const auto report = cache.remove({"tiny"}, "", true);
  REQUIRE(report.kept.size() == 1);
  CHECK_THAT(report.kept.front().reason, ContainsSubstring("web-0 of fleet demo, which runs"));
  CHECK_THAT(report.kept.front().error->hint(), !ContainsSubstring("--force"));
  CHECK(cache.left().size() == 1);
}

TEST_CASE("an image of a snapshot stays, also when the machine has another one now") {
  const Cache cache;
  const Image old = cache.add("tiny", "x86_64", "2025");
  const auto snapshot = cache.add_machine("web-0", old).path() / "snapshots/before";
  fs::create_directories(snapshot);
  fs::permissions(snapshot.parent_path(), fs::perms::owner_all);
  fs::permissions(snapshot, fs::perms::owner_all);
  fs::copy(snapshot / "../../intent.json", snapshot / "intent.json");
  const auto folder = InstanceDirectory::open(snapshot);
  write_record(folder, "snapshot.json", "vmfleet.snapshot/1", json::Object{{"created", "2025"}});
  cache.add_machine("web-0", cache.add("tiny", "x86_64", "2026"));
  CHECK(names_in(cache.prune().kept) == Names{"tiny-x86_64-2025"});
}

TEST_CASE("a damaged record keeps no image") {
  const Cache cache;
  const auto machine = cache.add_machine("web-0", cache.add("tiny", "x86_64", "2026"));
  put(machine.path() / "intent.json", "{");
  CHECK(cache.remove({"tiny"}).removed.size() == 1);
  CHECK(fs::exists(machine.path() / "intent.json"));  // and it is left to who repairs it
}

TEST_CASE("prune leaves the newest image of each name and architecture, and those in use") {
  const Cache cache;
  cache.add_machine("web-0", cache.add("tiny", "x86_64", "2024"));
  cache.add("tiny", "x86_64", "2025");
  cache.add("tiny", "x86_64", "2026");
  cache.add("tiny", "aarch64", "2023");
  cache.add("other", "x86_64", "2022");
  const Names all = cache.left();
  CHECK(names_in(cache.prune(true).removed) == Names{"tiny-x86_64-2025"});
  CHECK(cache.left() == all);
  const auto report = cache.prune();
  CHECK_FALSE(report.failed());
  CHECK(names_in(report.kept) == Names{"tiny-x86_64-2024"});
  CHECK_THAT(report.kept.front().reason, ContainsSubstring("in use by web-0 of fleet demo"));
  CHECK(cache.left().size() == all.size() - 1);
}

TEST_CASE("prune removes kernels that nobody used for long, and what killed removals have left") {
  const Cache cache;
  const auto root = cache.options().cache_root;
  put(root / "kernels/0123456789abcdef", "unused");
  put(root / "kernels/fedcba9876543210", "used");
  put(root / "images/.building-tiny-x86_64-gone-ABCDEF/removed/vmlinux", "kernel");
  put(root / "images/.lock-tiny-x86_64", "");
  age(root / "kernels/0123456789abcdef");
  CHECK(names_in(cache.prune().removed) ==
        Names{".building-tiny-x86_64-gone-ABCDEF", "0123456789abcdef"});
  CHECK(fs::exists(root / "kernels/fedcba9876543210"));
  CHECK(cache.prune().removed.empty());
}

TEST_CASE("prune has nothing to do where there is no cache yet") {
  const Cache cache;
  CHECK(cache.prune().removed.empty());
  CHECK_FALSE(fs::exists(cache.options().cache_root));
}
