// SPDX-License-Identifier: MIT
// GarbageWorld: a state root, a cache and temporary files, and what lies about there.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/instance/identity.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

namespace vmfleet::test {

using Names = std::vector<std::string>;

/// State, cache and temporary files in a folder of their own.
class GarbageWorld {
 public:
  GarbageWorld() {
    ::setenv("TMPDIR", folder_.path().c_str(), 1);
    ::unsetenv("XDG_RUNTIME_DIR");
    std::filesystem::create_directories(cache() / "kernels");
  }
  GarbageWorld(const GarbageWorld&) = delete;
  GarbageWorld& operator=(const GarbageWorld&) = delete;
  ~GarbageWorld() { ::unsetenv("TMPDIR"); }

  [[nodiscard]] std::filesystem::path state() const { return folder_ / "state"; }
  [[nodiscard]] std::filesystem::path cache() const { return folder_ / "cache"; }
  [[nodiscard]] std::filesystem::path temporary(const std::string& name) const {
    return folder_ / name;
  }

  GarbageReport collect(bool dry_run = false) const {
    GarbageOptions options;
    options.state_root = state();
    options.cache_root = cache();
    options.dry_run = dry_run;
    return testkit::run_async(collect_garbage(options));
  }

 private:
  TempDir folder_;
};

inline InstanceDirectory make_machine(const std::filesystem::path& root, const std::string& name,
                                      const std::function<void(Intent&)>& change = {}) {
  auto directory = InstanceDirectory::create(root, "demo", name);
  Intent intent;
  intent.fleet = "demo";
  intent.name = name;
  intent.boot_id = host_boot_id();
  if (change) change(intent);
  write_intent(directory, intent);
  return directory;
}

inline void from_another_boot(Intent& intent) {
  intent.boot_id = "another";
}

inline void touch(const std::filesystem::path& path, const std::string& content = "x") {
  files::write_all(files::open(path, O_WRONLY | O_CREAT | O_TRUNC).get(), content, path);
}

inline void make_old(const std::filesystem::path& path) {
  timespec times[2] = {{1'000'000'000, 0}, {1'000'000'000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
}

inline Names names_of(const std::vector<Garbage>& garbage) {
  Names names;
  for (const Garbage& one : garbage) names.push_back(one.path.filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

inline Names all_below(const std::filesystem::path& folder) {
  Names paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace vmfleet::test
