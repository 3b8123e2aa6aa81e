// SPDX-License-Identifier: MIT
// Tar archives with libarchive, in the format that every tar reads.
#include <image/tar_gz.hpp>

#include <ctime>

namespace vmfleet::image {

TarGz::TarGz(int fd) : writer_(::archive_write_new()) {
  check(::archive_write_add_filter_gzip(writer_.get()));
  check(::archive_write_set_format_pax_restricted(writer_.get()));
  check(::archive_write_open_fd(writer_.get(), fd));
}

void TarGz::add(const std::string& name, std::string_view content) {
  const ArchiveEntryHandle entry(::archive_entry_new());
  ::archive_entry_set_pathname(entry.get(), name.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0600);
  ::archive_entry_set_mtime(entry.get(), std::time(nullptr), 0);
  ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
  check(::archive_write_header(writer_.get(), entry.get()));
  if (::archive_write_data(writer_.get(), content.data(), content.size()) < 0) check(ARCHIVE_FATAL);
}

void TarGz::finish() {
  check(::archive_write_close(writer_.get()));
}

void TarGz::check(int status) const {
  if (status != ARCHIVE_OK) {
    throw archive_error(writer_.get(), ErrorKind::unavailable, "write the archive");
  }
}

}  // namespace vmfleet::image
