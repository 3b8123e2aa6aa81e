// SPDX-License-Identifier: MIT
// Decompression by libarchive's filters over its raw format.
#include <array>

#include <image/archive.hpp>
#include <image/decompress.hpp>

using namespace std::string_view_literals;

namespace vmfleet::image {
namespace {

struct Method {
  std::string_view name;
  std::string_view magic;
  int (*enable)(archive*);
};

constexpr std::array kMethods{
    Method{"xz",
           "\xfd"
           "7zXZ\0"sv,
           ::archive_read_support_filter_xz},
    Method{"gzip", "\x1f\x8b"sv, ::archive_read_support_filter_gzip},
    Method{"zstd", "\x28\xb5\x2f\xfd"sv, ::archive_read_support_filter_zstd},
    Method{"bzip2", "BZh"sv, ::archive_read_support_filter_bzip2},
    // The legacy frame, which is what kernels use, and the current one.
    Method{"lz4", "\x02\x21\x4c\x18"sv, ::archive_read_support_filter_lz4},
    Method{"lz4", "\x04\x22\x4d\x18"sv, ::archive_read_support_filter_lz4},
    Method{"lzma", "\x5d\0\0"sv, ::archive_read_support_filter_lzma},
    Method{"lzop", "\x89LZO"sv, ::archive_read_support_filter_lzop},
};

const Method* method_of(std::string_view data) noexcept {
  for (const Method& method : kMethods) {
    if (data.substr(0, method.magic.size()) == method.magic) return &method;
  }
  return nullptr;
}

}  // namespace

std::string_view compression_of(std::string_view data) noexcept {
  const Method* method = method_of(data);
  return method ? method->name : std::string_view();
}

Result<std::string> decompress(std::string_view data, std::size_t limit) {
  const Method* method = method_of(data);
  if (!method) return Error(ErrorKind::corrupt, "not compressed by any known method");
  const std::string doing = "unpack " + std::string(method->name) + " data";

  const ArchiveHandle reader(::archive_read_new());
  // ARCHIVE_WARN: libarchive would run an external program, which may not be there.
  if (method->enable(reader.get()) != ARCHIVE_OK) {
    return Error(ErrorKind::host_unfit, doing + ": this libarchive cannot do it")
        .hint("unpack it yourself and give the result");
  }
  ::archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (::archive_read_open_memory(reader.get(), data.data(), data.size()) != ARCHIVE_OK ||
      ::archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return archive_error(reader.get(), ErrorKind::corrupt, doing);
  }
  // The raw format accepts anything when no filter took the bytes.
  if (::archive_filter_count(reader.get()) < 2) {
    return Error(ErrorKind::corrupt, doing + ": the stream's header is damaged");
  }
  try {
    return read_rest(reader.get(), limit, doing);
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace vmfleet::image
