// SPDX-License-Identifier: MIT
// CloneWorld: a world whose templates are its own, for the tests of clones and what is made of
// them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

namespace vmfleet::test {

/// Its images are those of all tests, its templates are its own.
struct CloneWorld : Vmfleet {
  CloneWorld() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const std::filesystem::path all = cache != nullptr && *cache != '\0'
                                          ? std::filesystem::path(cache)
                                          : std::filesystem::path(std::getenv("HOME")) / ".cache";
    std::filesystem::create_directories(all / "vmfleet/images");
    std::filesystem::create_directories(folder() / "clones/vmfleet");
    std::filesystem::create_directory_symlink(all / "vmfleet/images",
                                              folder() / "clones/vmfleet/images");
    environment["XDG_CACHE_HOME"] = (folder() / "clones").string();
  }

  [[nodiscard]] std::vector<std::filesystem::path> templates() const {
    std::vector<std::filesystem::path> found;
    const auto templates = document({"template", "ls"});
    for (const auto& one : *templates["templates"].as_array()) found.emplace_back(one.text("dir"));
    return found;
  }

  [[nodiscard]] Ran up(const Words& more) const {
    Words words{"up", "--clone", "--accel", "tcg"};
    words.insert(words.end(), more.begin(), more.end());
    return run(words);
  }

  [[nodiscard]] std::string in_guest(const std::string& machine, const std::string& script) const {
    const Ran ran = run({"exec", machine, "--", "sh", "-c", script});
    INFO(ran.err);
    CHECK(ran.code == 0);
    return ran.out;
  }
};

}  // namespace vmfleet::test
