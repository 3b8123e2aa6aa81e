// SPDX-License-Identifier: MIT
// Small kernels, modules, programs and packages, made of bytes, for the tests of the image room.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vmfleet::test {

/// The bytes of `value`, little-endian.
template <class Unsigned>
std::string le(Unsigned value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xff);
  }
  return bytes;
}

/// "xz", "gzip", "zstd", "bzip2", "lzma", "lz4" (the legacy frame, as kernels have it).
std::string compress(std::string_view method, std::string_view data);

/// A bzImage around `payload`, of boot protocol 2.15 or another.
std::string make_bzimage(std::string_view payload, std::uint16_t protocol = 0x020f);
/// `make_bzimage` of `kernel` as the kernel's build does it, with the appended size.
std::string pack_kernel(std::string_view method, std::string_view kernel);
/// An ELF file that is taken for a kernel, easy to compress.
std::string fake_kernel(std::size_t size = 20'000, bool with_pvh_entry = true);

/// A 64-bit ELF file with these sections.
std::string make_elf(const std::vector<std::pair<std::string, std::string>>& sections);
/// A module that says so in its .modinfo.
std::string make_module(const std::string& depends, const std::string& aliases = "");
/// A program or library that needs `needed`; `interpreter` "" for none.
std::string make_program(const std::vector<std::string>& needed, const std::string& interpreter);

struct Entry {
  mode_t mode = 0;
  std::string contents;  ///< or the target of a link
  unsigned major = 0;
  unsigned minor = 0;
  std::int64_t mtime = -1;
  unsigned uid = 0;
  bool operator==(const Entry&) const = default;
};
/// A cpio archive as libarchive reads it, all of several that follow each other.
std::map<std::string, Entry> read_cpio(std::string_view archive);

/// Writes a Debian package. Contents that begin with "-> " make a link.
void write_deb(const std::filesystem::path& path, const std::string& name,
               const std::string& version, const std::map<std::string, std::string>& files);

void write_file(const std::filesystem::path& path, std::string_view contents);
std::string read_whole(const std::filesystem::path& path);

}  // namespace vmfleet::test
