// SPDX-License-Identifier: MIT
// Writing ISO 9660 images with libarchive.
#include <image/iso.hpp>

#include <image/archive.hpp>

namespace vmfleet::image {
namespace {

void check(archive* writer, int status) {
  if (status != ARCHIVE_OK) throw archive_error(writer, ErrorKind::unavailable, "write ISO image");
}

la_ssize_t append(archive*, void* bytes, const void* data, std::size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

void add_file(archive* writer, const std::string& name, const std::string& contents) {
  const ArchiveEntryHandle entry(::archive_entry_new());
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0600);
  ::archive_entry_set_mtime(entry.get(), 0, 0);
  ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(contents.size()));
  check(writer, ::archive_write_header(writer, entry.get()));
  if (::archive_write_data(writer, contents.data(), contents.size()) < 0) {
    check(writer, ARCHIVE_FATAL);
  }
}

}  // namespace

std::string make_iso(const std::string& volume, const std::map<std::string, std::string>& files) {
  std::string bytes;  // first: the writer is closed, so writes, when it is destroyed
  const ArchiveHandle handle(::archive_write_new());
  archive* writer = handle.get();
  check(writer, ::archive_write_set_format_iso9660(writer));
  check(writer, ::archive_write_set_format_option(writer, "iso9660", "volume-id", volume.c_str()));
  check(writer, ::archive_write_set_bytes_in_last_block(writer, 1));
  check(writer, ::archive_write_open2(writer, &bytes, nullptr, append, nullptr, nullptr));
  for (const auto& [name, contents] : files) add_file(writer, name, contents);
  check(writer, ::archive_write_close(writer));
  return bytes;
}

}  // namespace vmfleet::image
