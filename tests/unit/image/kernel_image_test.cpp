// SPDX-License-Identifier: MIT
#include <vmfleet/image/kernel_image.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

std::string arm64_image() {
  std::string image(4096, 'a');
  return image.replace(0x38, 4, "ARM\x64");
}

}  // namespace

TEST_CASE("a bzImage gives its kernel, whatever compressed it") {
  const std::string kernel = fake_kernel();
  for (const auto* method : {"xz", "gzip", "zstd", "bzip2", "lzma", "lz4"}) {
    CAPTURE(method);
    REQUIRE(unpack_kernel(pack_kernel(method, kernel)).value() == kernel);
  }
}

TEST_CASE("a kernel that is unpacked already comes back as it is") {
  REQUIRE(unpack_kernel(fake_kernel()).value() == fake_kernel());
  REQUIRE(unpack_kernel(arm64_image()).value() == arm64_image());
}

TEST_CASE("a compressed arm64 image gives the image") {
  REQUIRE(unpack_kernel(compress("gzip", arm64_image())).value() == arm64_image());
}

TEST_CASE("a compressed file that is no kernel is refused") {
  REQUIRE(unpack_kernel(compress("gzip", "just text")).error().kind() == ErrorKind::invalid_config);
}

TEST_CASE("every truncated prefix of a bzImage is an error") {
  for (const auto* method : {"xz", "gzip", "lz4"}) {
    const std::string image = pack_kernel(method, fake_kernel(2'000));
    for (std::size_t size = 0; size < image.size(); ++size) {
      CAPTURE(method, size);
      REQUIRE_FALSE(unpack_kernel(image.substr(0, size)).ok());
    }
  }
}

TEST_CASE("a bzImage whose kernel has another size than announced is damaged") {
  const std::string kernel = fake_kernel();
  for (const int difference : {-1, 1}) {
    const auto announced = static_cast<std::uint32_t>(static_cast<int>(kernel.size()) + difference);
    const auto result = unpack_kernel(make_bzimage(compress("xz", kernel) + le(announced)));
    REQUIRE(result.error().kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("a bzImage whose numbers point outside of it is damaged") {
  std::string image = pack_kernel("xz", fake_kernel());
  SECTION("offset") {
    image.replace(0x248, 4, le<std::uint32_t>(0xffffffff));
  }
  SECTION("length") {
    image.replace(0x24c, 4, le<std::uint32_t>(0xffffffff));
  }
  SECTION("setup sectors") {
    image[0x1f1] = '\xff';
  }
  SECTION("length shorter than the size at its end") {
    image.replace(0x24c, 4, le<std::uint32_t>(3));
  }
  REQUIRE(unpack_kernel(image).error().kind() == ErrorKind::corrupt);
}

TEST_CASE("a bzImage of an old boot protocol is refused with a hint") {
  const auto result = unpack_kernel(make_bzimage("whatever it holds", 0x0207));
  REQUIRE(result.error().kind() == ErrorKind::invalid_config);
  REQUIRE_FALSE(result.error().hint().empty());
}

TEST_CASE("a bzImage that holds no ELF file is damaged") {
  const auto result = unpack_kernel(pack_kernel("xz", std::string(1'000, 'x')));
  REQUIRE_THAT(result.error().message(), ContainsSubstring("does not hold an ELF kernel"));
}

TEST_CASE("files that are no kernels are told apart") {
  REQUIRE(kernel_format("") == KernelFormat::unknown);
  REQUIRE(kernel_format("#!/bin/sh\n") == KernelFormat::unknown);
  REQUIRE(kernel_format(make_bzimage("")) == KernelFormat::bzimage);
  REQUIRE(kernel_format(fake_kernel()) == KernelFormat::elf);
  REQUIRE(kernel_format(arm64_image()) == KernelFormat::arm64);
  REQUIRE(unpack_kernel("#!/bin/sh\n").error().kind() == ErrorKind::invalid_config);
}

TEST_CASE("an unpacked kernel boots when it has a PVH entry, or is an arm64 image") {
  REQUIRE(boots_unpacked(fake_kernel()));
  REQUIRE(boots_unpacked(arm64_image()));
  REQUIRE_FALSE(boots_unpacked(fake_kernel(20'000, false)));
  REQUIRE_FALSE(boots_unpacked(make_bzimage("")));
  REQUIRE_FALSE(boots_unpacked(""));
}
