// SPDX-License-Identifier: MIT
// Room on the host.
#include "fleet/host_limits.hpp"

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE(
    "a thousand machines fit into the descriptors that hosts allow, a hundred million do not") {
  REQUIRE(descriptors_for(1'000, 2) < 10'000);
  REQUIRE_NOTHROW(require_descriptors(descriptors_for(1, 1), 1));
  REQUIRE_THROWS_AS(require_descriptors(descriptors_for(100'000'000, 2), 100'000'000), Error);
}

TEST_CASE("copies that no disk can hold are refused, also in a folder that is not there yet") {
  try {
    require_disk_room("/tmp/no/such/folder", Bytes::gibi(1 << 20), 2);
    FAIL("a petabyte was found");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::host_unfit);
    REQUIRE_THAT(error.message(), ContainsSubstring("2 machines need "));
    REQUIRE_THAT(error.message(), ContainsSubstring("MiB of disk in /tmp/no/such/folder"));
    REQUIRE_THAT(error.hint(), ContainsSubstring("mode = \"overlay\""));
  }
  REQUIRE_NOTHROW(require_disk_room("/tmp", Bytes::gibi(1 << 20), 0));
  REQUIRE_NOTHROW(require_disk_room("/tmp", Bytes(1), 1));
}

TEST_CASE("a template that no disk can hold is refused") {
  try {
    require_template_room("/tmp/no/such/folder", Bytes::gibi(1 << 20));
    FAIL("a petabyte was found");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::host_unfit);
    REQUIRE_THAT(error.message(), ContainsSubstring("MiB of disk in /tmp/no/such/folder"));
  }
  REQUIRE_NOTHROW(require_template_room("/tmp", Bytes(1)));
}
