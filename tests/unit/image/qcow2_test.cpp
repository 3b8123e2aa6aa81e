// SPDX-License-Identifier: MIT
#include <image/qcow2.hpp>

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

std::string big_endian(std::uint64_t number, int size) {
  std::string bytes;
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(number >> shift & 0xff);
  }
  return bytes;
}

std::string header(std::uint32_t version, std::uint64_t backing, std::uint64_t incompatible) {
  std::string bytes = "QFI\xfb" + big_endian(version, 4) + big_endian(backing, 8);
  bytes += big_endian(backing == 0 ? 0 : 4, 4) + big_endian(16, 4);
  bytes += big_endian(5 << 20, 8);
  bytes.resize(72, '\0');
  return bytes + big_endian(incompatible, 8);
}

}  // namespace

TEST_CASE("a qcow2 header says how large the disk is, and whether the file is all of it") {
  const TempDir folder;
  struct Case {
    std::string bytes;
    bool alone;
  };
  const std::vector<Case> cases = {
      {header(3, 0, 0), true},    {header(3, 0, 1), true},
      {header(3, 0, 4), false},   {header(3, 104, 0), false},
      {header(2, 104, 0), false}, {header(2, 0, 4).substr(0, 72), true}};
  for (const Case& one : cases) {
    write_file(folder / "image", one.bytes);
    const auto read = image::read_qcow2_header(folder / "image");
    REQUIRE(read.virtual_size == Bytes::mebi(5));
    REQUIRE(read.alone == one.alone);
  }
}

TEST_CASE("what is no qcow2 image is refused with the way out") {
  const TempDir folder;
  for (const std::string& bytes : {std::string(), std::string("QFI\xfb"), std::string(200, 'x')}) {
    write_file(folder / "image", bytes);
    try {
      image::read_qcow2_header(folder / "image");
      FAIL("no error");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::invalid_config);
      REQUIRE_THAT(error.hint(), ContainsSubstring("raw"));
    }
  }
  REQUIRE_THROWS_AS(image::read_qcow2_header(folder / "none"), Error);
}
