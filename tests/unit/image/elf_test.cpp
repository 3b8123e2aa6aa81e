// SPDX-License-Identifier: MIT
#include <image/elf.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using namespace vmfleet::test;

TEST_CASE("sections are found by name") {
  const std::string bytes = make_elf({{".text", "code"}, {".modinfo", "license=GPL"}});
  const auto file = ElfFile::parse(bytes);
  REQUIRE(file->section(".text") == "code");
  REQUIRE(file->section(".modinfo") == "license=GPL");
  REQUIRE_FALSE(file->section(".data"));
}

TEST_CASE("needed libraries and the dynamic linker are read in order") {
  const std::string bytes = make_program({"libb.so.1", "libc.so.6"}, "/lib64/ld.so.2");
  const auto file = ElfFile::parse(bytes);
  REQUIRE(file->interpreter() == "/lib64/ld.so.2");
  REQUIRE(file->needed() == std::vector<std::string_view>{"libb.so.1", "libc.so.6"});
}

TEST_CASE("a static program needs nothing") {
  const std::string bytes = make_elf({{".text", "code"}});
  const auto file = ElfFile::parse(bytes);
  REQUIRE(file->interpreter().empty());
  REQUIRE(file->needed().empty());
}

TEST_CASE("every truncated prefix of an ELF file is an error") {
  for (const std::string& bytes :
       {make_module("virtio,virtio_ring"), make_program({"libc.so.6"}, "/lib64/ld.so.2")}) {
    REQUIRE(ElfFile::parse(bytes).ok());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CAPTURE(size);
      // A heap copy of exactly this size, so that a sanitizer sees a read past it.
      const std::string prefix = bytes.substr(0, size);
      REQUIRE_FALSE(ElfFile::parse(prefix).ok());
    }
  }
}

TEST_CASE("no single damaged byte makes reading an ELF file crash") {
  for (const std::string& bytes :
       {make_module("virtio"), make_program({"libc.so.6"}, "/lib64/ld.so.2"), fake_kernel(200)}) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const char value : {'\0', '\x7f', '\xff'}) {
        std::string damaged = bytes;
        damaged[at] = value;
        const auto file = ElfFile::parse(damaged);
        if (!file) continue;
        static_cast<void>(file->section(".modinfo"));
        static_cast<void>(file->has_note("Xen", 18));
      }
    }
  }
}

TEST_CASE("other ELF files and other files are refused") {
  REQUIRE_FALSE(ElfFile::parse("").ok());
  REQUIRE_FALSE(ElfFile::parse("#!/bin/sh\n").ok());
  std::string bytes = make_module("");
  bytes[4] = 1;  // 32-bit
  REQUIRE(ElfFile::parse(bytes).error().kind() == ErrorKind::corrupt);
}
