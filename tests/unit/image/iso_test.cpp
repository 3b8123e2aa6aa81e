// SPDX-License-Identifier: MIT
#include <image/iso.hpp>

#include <image/archive.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::image;

namespace {

using Files = std::map<std::string, std::string>;

Files read_iso(const std::string& bytes) {
  const ArchiveHandle reader(::archive_read_new());
  ::archive_read_support_format_iso9660(reader.get());
  REQUIRE(::archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) == ARCHIVE_OK);
  Files files;
  archive_entry* entry = nullptr;
  while (::archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
    const std::string name = ::archive_entry_pathname(entry);
    if (name != ".") files[name] = read_rest(reader.get(), 1 << 24, "read");
  }
  return files;
}

}  // namespace

TEST_CASE("an ISO image gives back its files under their names") {
  const Files files{{"meta-data", "instance-id: x\n"},
                    {"user-data", std::string(100'000, 'u') + "\n"},
                    {"network-config", ""}};
  const std::string bytes = make_iso("cidata", files);
  REQUIRE(read_iso(bytes) == files);
  REQUIRE(bytes.size() % 2048 == 0);
  // *Source*: ECMA-119, 8.4: the primary volume descriptor in sector 16, its volume id at 40.
  REQUIRE(bytes.substr(16 * 2048 + 1, 5) == "CD001");
  const std::string volume = bytes.substr(16 * 2048 + 40, 6);
  CAPTURE(volume);
  REQUIRE((volume == "cidata" || volume == "CIDATA"));
}
