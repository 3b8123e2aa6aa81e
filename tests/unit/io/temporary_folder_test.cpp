// SPDX-License-Identifier: MIT
#include <io/temporary_folder.hpp>

#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;
namespace fs = std::filesystem;

TEST_CASE("a temporary folder goes with the last who has it, and with all that is in it") {
  const TempDir temp;
  fs::path path;
  {
    TemporaryFolder first(temp / "work-");
    path = first.path();
    std::ofstream(path / "file") << "content";
    const TemporaryFolder second(std::move(first));
    { const TemporaryFolder gone(std::move(first)); }  // NOLINT(bugprone-use-after-move)
    REQUIRE(fs::exists(path / "file"));
  }
  REQUIRE(path.filename().string().rfind("work-", 0) == 0);
  REQUIRE_FALSE(fs::exists(path));
}

TEST_CASE("a temporary folder that was kept or moved stays") {
  const TempDir temp;
  fs::path kept;
  {
    TemporaryFolder folder(temp / "kept-");
    folder.keep();
    kept = folder.path();
    REQUIRE(TemporaryFolder(temp / "moved-").move_to(temp / "final"));
    std::ofstream(temp / "final/file") << "content";
    REQUIRE_FALSE(TemporaryFolder(temp / "moved-").move_to(temp / "final"));
  }
  REQUIRE(fs::exists(kept));
  REQUIRE(fs::exists(temp / "final/file"));
  REQUIRE(std::distance(fs::directory_iterator(temp.path()), {}) == 2);
}

TEST_CASE("a folder that is removed at once goes with all that is in it, or stays whole") {
  const TempDir temp;
  fs::create_directories(temp / "kept/below");
  std::ofstream(temp / "kept/below/file") << "content";
  REQUIRE_THROWS_AS(remove_at_once(temp / "missing", temp / "grave-"), Error);
  REQUIRE_THROWS_AS(remove_at_once(temp / "kept", temp / "no folder/grave-"), Error);
  REQUIRE(fs::exists(temp / "kept/below/file"));
  remove_at_once(temp / "kept", temp / "grave-");
  REQUIRE(fs::is_empty(temp.path()));
}
