// SPDX-License-Identifier: MIT
// Records: every damage is noticed.
#include <filesystem>
#include <fstream>

#include <vmfleet/base/error.hpp>
#include <vmfleet/instance/record.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

constexpr const char* kName = "state.json";
constexpr std::string_view kSchema = "vmfleet.test/1";
const json::Value kBody = json::Object{{"state", "ready"}, {"pid", 17}};

/// "same", "absent", "corrupt", or "other" when a damaged body came through.
std::string outcome_of_reading(const InstanceDirectory& directory) {
  try {
    const auto body = read_record(directory, kName, kSchema);
    if (!body) return "absent";
    return *body == kBody ? "same" : "other";
  } catch (const Error& error) {
    return error.kind() == ErrorKind::corrupt ? "corrupt" : error.message();
  }
}

}  // namespace

TEST_CASE("a record reads back as it was written") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE(outcome_of_reading(directory) == "absent");
  write_record(directory, kName, kSchema, kBody);
  REQUIRE(outcome_of_reading(directory) == "same");
}

TEST_CASE("a record of text that is not UTF-8 is no damaged one") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  write_record(directory, kName, kSchema, json::Object{{"text", "caf\xe9"}});
  REQUIRE(read_record(directory, kName, kSchema)->text("text") == "caf\xef\xbf\xbd");
}

TEST_CASE("a record that was cut off at any byte is corrupt, set aside, and then absent") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  write_record(directory, kName, kSchema, kBody);
  const std::string whole = files::read(directory.file(kName));
  for (std::size_t length = 0; length + 1 < whole.size(); ++length) {  // the last is the newline
    std::ofstream(directory.file(kName), std::ios::trunc) << whole.substr(0, length);
    INFO(length);
    REQUIRE(outcome_of_reading(directory) == "corrupt");
    REQUIRE(outcome_of_reading(directory) == "absent");
    REQUIRE(files::read(directory.file("state.json.corrupt")) == whole.substr(0, length));
  }
}

TEST_CASE("no flipped bit gives another body") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  write_record(directory, kName, kSchema, kBody);
  const std::string whole = files::read(directory.file(kName));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    std::ofstream(directory.file(kName), std::ios::trunc) << damaged;
    const std::string outcome = outcome_of_reading(directory);
    INFO("bit " << bit << " of: " << damaged);
    REQUIRE((outcome == "corrupt" || outcome == "same"));
  }
}

TEST_CASE("a record of another schema is not read") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  write_record(directory, kName, "vmfleet.other/1", kBody);
  REQUIRE(outcome_of_reading(directory) == "corrupt");
}

TEST_CASE("a record of a later version of its schema is left as it is") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  write_record(directory, kName, "vmfleet.test/2", kBody);
  const std::string whole = files::read(directory.file(kName));
  for (int look = 0; look < 2; ++look) {
    REQUIRE_THAT(outcome_of_reading(directory), ContainsSubstring("by a newer vmfleet"));
    REQUIRE(files::read(directory.file(kName)) == whole);
  }
}
