// SPDX-License-Identifier: MIT
// Templates on the disk, which other commands make and remove meanwhile.
#include <vmfleet/fleet/template_store.hpp>

#include <atomic>
#include <fstream>
#include <thread>

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

std::filesystem::path make_kept(const TemplateStore& store, const std::string& key) {
  const auto folder = store.directory() / key;
  std::filesystem::create_directories(folder);
  for (const char* name : {"memory", "devices", "serial.log"}) std::ofstream(folder / name) << "12";
  std::ofstream(folder / "template.json")
      << R"({"schema": "vmfleet.template/1", "memory": 2, "key": ")" << key << "\"}";
  return folder;
}

ErrorKind kind_of_removal(const TemplateStore& store, const std::string& key) {
  try {
    store.remove(key);
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("it was removed");
  return ErrorKind::internal;
}

}  // namespace

TEST_CASE("a template that has lost something is none, and can be removed") {
  const TempDir temp;
  const TemplateStore store(temp.path());
  make_kept(store, "0a");
  std::filesystem::resize_file(make_kept(store, "0b") / "memory", 1);
  std::filesystem::resize_file(make_kept(store, "0c") / "devices", 0);
  std::filesystem::remove(make_kept(store, "0d") / "serial.log");
  std::filesystem::create_directory(store.directory() / "0e.unfinished");
  REQUIRE(store.list().size() == 1);
  REQUIRE(store.keys() == std::vector<std::string>{"0a", "0b", "0c", "0d"});
  REQUIRE(store.find("0a"));
  for (const char* key : {"0b", "0c", "0d"}) {
    REQUIRE_FALSE(store.find(key));
    REQUIRE_NOTHROW(store.remove(key));
    REQUIRE(kind_of_removal(store, key) == ErrorKind::not_found);
  }
  REQUIRE(kind_of_removal(store, "../0a") == ErrorKind::not_found);
}

TEST_CASE("one from which machines are started is not removed") {
  const TempDir temp;
  const TemplateStore store(temp.path());
  make_kept(store, "0a");
  const auto used = store.find("0a");
  REQUIRE(used);
  REQUIRE(kind_of_removal(store, "0a") == ErrorKind::conflict);
}

TEST_CASE("a cache that is nowhere has no templates, and says why none can be made") {
  const TemplateStore store("/proc/nothing");
  REQUIRE(store.list().empty());
  REQUIRE(kind_of_removal(store, "0a") == ErrorKind::not_found);
  REQUIRE_THROWS_WITH(store.find("0a"), ContainsSubstring("make /proc/nothing"));
}

TEST_CASE("templates can be listed while they come and go") {
  const TempDir temp;
  const TemplateStore store(temp.path());
  const auto one = make_kept(store, "0a");
  const auto other = make_kept(store, "0b");
  std::atomic<bool> done = false;
  const auto come_and_go = [&] {
    while (!done) {
      for (const auto& folder : {one, other}) {
        std::filesystem::rename(folder, temp / "gone");
        std::filesystem::rename(temp / "gone", folder);
      }
    }
  };
  std::thread others(come_and_go);
  std::string failed;
  try {
    for (int i = 0; i < 2000; ++i) static_cast<void>(store.list());
  } catch (const std::exception& error) {
    failed = error.what();
  }
  done = true;
  others.join();
  REQUIRE(failed.empty());
}
