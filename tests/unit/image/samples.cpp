// SPDX-License-Identifier: MIT
// Making the samples.
#include "tests/unit/image/samples.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

namespace vmfleet::test {
namespace {

struct Free {
  void operator()(archive* handle) const { ::archive_free(handle); }
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};
using Handle = std::unique_ptr<archive, Free>;
using EntryHandle = std::unique_ptr<archive_entry, Free>;

void check(archive* handle, int status) {
  if (status != ARCHIVE_OK) throw std::runtime_error(::archive_error_string(handle));
}

la_ssize_t append(archive*, void* bytes, const void* data, std::size_t size) {
  static_cast<std::string*>(bytes)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

EntryHandle file_entry(const std::string& path, std::size_t size) {
  EntryHandle entry(::archive_entry_new());
  ::archive_entry_set_pathname(entry.get(), path.c_str());
  ::archive_entry_set_filetype(entry.get(), AE_IFREG);
  ::archive_entry_set_perm(entry.get(), 0644);
  ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  return entry;
}

/// Writes what `fill` adds, in the format and with the filter that `set_up` chooses.
template <class SetUp, class Fill>
std::string write_archive(SetUp set_up, Fill fill) {
  std::string bytes;
  const Handle writer(::archive_write_new());
  set_up(writer.get());
  ::archive_write_set_bytes_per_block(writer.get(), 0);
  check(writer.get(),
        ::archive_write_open2(writer.get(), &bytes, nullptr, append, nullptr, nullptr));
  fill(writer.get());
  check(writer.get(), ::archive_write_close(writer.get()));
  return bytes;
}

void add_file(archive* writer, const std::string& path, const std::string& contents) {
  const bool link = contents.rfind("-> ", 0) == 0;
  const auto entry = file_entry(path, link ? 0 : contents.size());
  if (link) {
    ::archive_entry_set_filetype(entry.get(), AE_IFLNK);
    ::archive_entry_set_symlink(entry.get(), contents.substr(3).c_str());
  }
  check(writer, ::archive_write_header(writer, entry.get()));
  if (!link) ::archive_write_data(writer, contents.data(), contents.size());
}

std::string tar(const std::map<std::string, std::string>& files) {
  return write_archive(
      [](archive* writer) {
        ::archive_write_set_format_gnutar(writer);
        ::archive_write_add_filter_xz(writer);
      },
      [&](archive* writer) {
        for (const auto& [path, contents] : files) add_file(writer, path, contents);
      });
}

/// One block of literals only: token 0xF0, the length beyond 15 in bytes of 255.
std::string lz4_legacy(std::string_view data) {
  std::string block = "\xf0";
  std::size_t rest = data.size() - 15;
  for (; rest >= 255; rest -= 255) block += '\xff';
  block += static_cast<char>(rest);
  block += data;
  return le<std::uint32_t>(0x184c2102) + le(static_cast<std::uint32_t>(block.size())) + block;
}

}  // namespace

std::string compress(std::string_view method, std::string_view data) {
  if (method == "lz4") return lz4_legacy(data);
  return write_archive(
      [&](archive* writer) {
        ::archive_write_set_format_raw(writer);
        check(writer, ::archive_write_add_filter_by_name(writer, std::string(method).c_str()));
      },
      [&](archive* writer) { add_file(writer, "data", std::string(data)); });
}

std::string make_bzimage(std::string_view payload, std::uint16_t protocol) {
  constexpr std::size_t kSetupSectors = 2;
  constexpr std::uint32_t kOffset = 100;
  std::string image((kSetupSectors + 1) * 512 + kOffset, '\0');
  image[0x1f1] = kSetupSectors;
  image.replace(0x202, 4, "HdrS");
  image.replace(0x206, 2, le(protocol));
  image.replace(0x248, 4, le(kOffset));
  image.replace(0x24c, 4, le(static_cast<std::uint32_t>(payload.size())));
  return image.append(payload);
}

std::string pack_kernel(std::string_view method, std::string_view kernel) {
  std::string payload = compress(method, kernel);
  if (method != "gzip") payload += le(static_cast<std::uint32_t>(kernel.size()));
  return make_bzimage(payload);
}

namespace {

std::string elf_header(std::uint64_t segments, std::uint16_t segment_count, std::uint64_t sections,
                       std::uint16_t section_count, std::uint16_t names_index) {
  std::string header(
      "\x7f"
      "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0",
      16);
  header += le<std::uint16_t>(1) + le<std::uint16_t>(62) + le<std::uint32_t>(1);
  header += le<std::uint64_t>(0) + le(segments) + le(sections) + le<std::uint32_t>(0);
  header += le<std::uint16_t>(64) + le<std::uint16_t>(56) + le(segment_count);
  header += le<std::uint16_t>(64) + le(section_count) + le(names_index);
  return header;
}

std::string section_header(std::uint32_t name, std::uint32_t type, std::uint64_t offset,
                           std::uint64_t size) {
  return le(name) + le(type) + le<std::uint64_t>(0) + le<std::uint64_t>(0) + le(offset) + le(size) +
         std::string(24, '\0');
}

std::string program_header(std::uint32_t type, std::uint64_t offset, std::uint64_t size) {
  return le(type) + le<std::uint32_t>(4) + le(offset) + le(offset) + le(offset) + le(size) +
         le(size) + le<std::uint64_t>(1);
}

}  // namespace

std::string fake_kernel(std::size_t size, bool with_pvh_entry) {
  const std::string note = le<std::uint32_t>(4) + le<std::uint32_t>(4) +
                           le<std::uint32_t>(with_pvh_entry ? 18 : 5) + std::string("Xen\0", 4) +
                           le<std::uint32_t>(0x1000000);
  constexpr std::uint64_t kNoteAt = 64 + 56;
  std::string kernel = elf_header(64, 1, 0, 0, 0) + program_header(4, kNoteAt, note.size()) + note;
  while (kernel.size() < size) kernel += "of " + std::to_string(kernel.size()) + " bytes ";
  kernel.resize(size);
  return kernel;
}

std::string make_elf(const std::vector<std::pair<std::string, std::string>>& sections) {
  constexpr std::size_t kHeader = 64;
  std::string names(1, '\0');
  std::string contents;
  std::string headers = section_header(0, 0, 0, 0);
  for (const auto& [name, bytes] : sections) {
    headers += section_header(static_cast<std::uint32_t>(names.size()), 1,
                              kHeader + contents.size(), bytes.size());
    names.append(name).push_back('\0');
    contents += bytes;
  }
  const auto name = static_cast<std::uint32_t>(names.size());
  names.append(".shstrtab").push_back('\0');
  headers += section_header(name, 3, kHeader + contents.size(), names.size());
  contents += names;
  const auto count = static_cast<std::uint16_t>(sections.size() + 2);
  return elf_header(0, 0, kHeader + contents.size(), count, static_cast<std::uint16_t>(count - 1)) +
         contents + headers;
}

std::string make_module(const std::string& depends, const std::string& aliases) {
  std::string modinfo = "license=GPL";
  modinfo += '\0';
  if (!aliases.empty()) modinfo.append("alias=").append(aliases).push_back('\0');
  modinfo.append("depends=").append(depends).push_back('\0');
  return make_elf({{".text", "code"}, {".modinfo", modinfo}});
}

std::string make_program(const std::vector<std::string>& needed, const std::string& interpreter) {
  constexpr std::uint64_t kStart = 64 + 3 * 56;
  const std::string linker = interpreter + '\0';
  std::string strings(1, '\0');
  std::string dynamic;
  for (const std::string& name : needed) {
    dynamic += le<std::uint64_t>(1) + le(static_cast<std::uint64_t>(strings.size()));
    strings.append(name).push_back('\0');
  }
  const std::uint64_t dynamic_at = kStart + linker.size();
  const std::uint64_t strings_at = dynamic_at + dynamic.size() + 32;
  dynamic += le<std::uint64_t>(5) + le(strings_at) + std::string(16, '\0');
  const std::uint64_t size = strings_at + strings.size();
  // A segment of a type that nobody looks at stands in for a missing interpreter.
  return elf_header(64, 3, 0, 0, 0) + program_header(1, 0, size) +
         program_header(interpreter.empty() ? 0x6474e551 : 3, kStart, linker.size()) +
         program_header(2, dynamic_at, dynamic.size()) + linker + dynamic + strings;
}

std::map<std::string, Entry> read_cpio(std::string_view archive_bytes) {
  std::map<std::string, Entry> entries;
  while (!archive_bytes.empty()) {
    const Handle reader(::archive_read_new());
    ::archive_read_support_format_cpio(reader.get());
    check(reader.get(),
          ::archive_read_open_memory(reader.get(), archive_bytes.data(), archive_bytes.size()));
    archive_entry* entry = nullptr;
    while (::archive_read_next_header(reader.get(), &entry) == ARCHIVE_OK) {
      Entry& found = entries[::archive_entry_pathname(entry)];
      found = Entry();
      found.mode = ::archive_entry_mode(entry);
      found.mtime = ::archive_entry_mtime(entry);
      found.uid = static_cast<unsigned>(::archive_entry_uid(entry));
      found.major = static_cast<unsigned>(::archive_entry_rdevmajor(entry));
      found.minor = static_cast<unsigned>(::archive_entry_rdevminor(entry));
      if (const char* link = ::archive_entry_symlink(entry)) found.contents = link;
      char buffer[4096];
      la_ssize_t count = 0;
      while ((count = ::archive_read_data(reader.get(), buffer, sizeof buffer)) > 0) {
        found.contents.append(buffer, static_cast<std::size_t>(count));
      }
    }
    const auto end = archive_bytes.find("TRAILER!!!");
    if (end == std::string_view::npos) throw std::runtime_error("an archive without its end");
    const auto next = archive_bytes.find("0707", end);
    archive_bytes = next == std::string_view::npos ? "" : archive_bytes.substr(next);
  }
  return entries;
}

void write_deb(const std::filesystem::path& path, const std::string& name,
               const std::string& version, const std::map<std::string, std::string>& files) {
  const std::string control = "Package: " + name + "\nVersion: " + version + "\n";
  const std::string package =
      write_archive([](archive* writer) { ::archive_write_set_format_ar_svr4(writer); },
                    [&](archive* writer) {
                      add_file(writer, "debian-binary", "2.0\n");
                      add_file(writer, "control.tar.xz", tar({{"./control", control}}));
                      add_file(writer, "data.tar.xz", tar(files));
                    });
  write_file(path, package);
}

void write_file(const std::filesystem::path& path, std::string_view contents) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << contents;
}

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace vmfleet::test
