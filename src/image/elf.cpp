// SPDX-License-Identifier: MIT
// Reading ELF tables, trusting no offset in them.
#include <image/byte_reader.hpp>
#include <image/elf.hpp>

namespace vmfleet::image {
namespace {

constexpr std::string_view kMagic =
    "\x7f"
    "ELF\x02\x01\x01";  // 64-bit, little-endian, version 1
constexpr std::uint64_t kSectionHeaderSize = 64;
constexpr std::uint64_t kProgramHeaderSize = 56;
constexpr std::uint64_t kDynamicEntrySize = 16;
constexpr std::uint32_t kSectionWithoutBytes = 8;  // SHT_NOBITS
constexpr std::uint32_t kLoadSegment = 1;          // PT_LOAD
constexpr std::uint32_t kDynamicSegment = 2;       // PT_DYNAMIC
constexpr std::uint32_t kInterpreterSegment = 3;   // PT_INTERP
constexpr std::uint32_t kNoteSegment = 4;          // PT_NOTE
constexpr std::uint64_t kNeededTag = 1;            // DT_NEEDED
constexpr std::uint64_t kStringTableTag = 5;       // DT_STRTAB

constexpr std::uint64_t padded(std::uint64_t size) noexcept {
  return (size + 3) & ~std::uint64_t{3};
}

bool holds_note(std::string_view notes, std::string_view name, std::uint32_t type) noexcept {
  constexpr std::uint64_t kNoteHeader = 12;
  std::uint64_t at = 0;
  while (const auto note_type = read_le<std::uint32_t>(notes, at + 8)) {
    const std::uint64_t name_size = *read_le<std::uint32_t>(notes, at);
    const std::uint64_t contents_size = *read_le<std::uint32_t>(notes, at + 4);
    const auto note_name = slice(notes, at + kNoteHeader, name_size);
    if (!note_name) return false;
    if (*note_type == type && note_name->substr(0, note_name->find('\0')) == name) return true;
    at += kNoteHeader + padded(name_size) + padded(contents_size);
  }
  return false;
}

}  // namespace

Result<ElfFile> ElfFile::parse(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return Error(ErrorKind::corrupt, "not a 64-bit little-endian ELF file");
  }
  ElfFile file(bytes);
  if (!file.read_sections() || !file.read_segments() || !file.read_dynamic()) {
    return Error(ErrorKind::corrupt, "the ELF file is cut short or damaged");
  }
  return file;
}

bool ElfFile::read_sections() {
  const auto table = read_le<std::uint64_t>(bytes_, 0x28);
  const auto entry_size = read_le<std::uint16_t>(bytes_, 0x3a);
  const auto count = read_le<std::uint16_t>(bytes_, 0x3c);
  const auto names_index = read_le<std::uint16_t>(bytes_, 0x3e);
  if (!table || !entry_size || !count || !names_index) return false;
  if (*count == 0) return true;
  if (*entry_size != kSectionHeaderSize) return false;
  const auto headers = slice(bytes_, *table, *count * kSectionHeaderSize);
  if (!headers) return false;

  std::vector<std::uint32_t> name_offsets;
  for (std::uint64_t at = 0; at < headers->size(); at += kSectionHeaderSize) {
    const bool has_bytes = read_le<std::uint32_t>(*headers, at + 4) != kSectionWithoutBytes;
    const auto contents = has_bytes ? slice(bytes_, *read_le<std::uint64_t>(*headers, at + 0x18),
                                            *read_le<std::uint64_t>(*headers, at + 0x20))
                                    : std::optional<std::string_view>(std::string_view());
    if (!contents) return false;
    name_offsets.push_back(*read_le<std::uint32_t>(*headers, at));
    sections_.push_back(Section{{}, *contents});
  }
  if (*names_index == 0) return true;  // a file without section names
  if (*names_index >= sections_.size()) return false;
  const std::string_view names = sections_[*names_index].contents;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const auto name = c_string(names, name_offsets[i]);
    if (!name) return false;
    sections_[i].name = *name;
  }
  return true;
}

bool ElfFile::read_segments() {
  const auto table = read_le<std::uint64_t>(bytes_, 0x20);
  const auto entry_size = read_le<std::uint16_t>(bytes_, 0x36);
  const auto count = read_le<std::uint16_t>(bytes_, 0x38);
  if (!table || !entry_size || !count) return false;
  if (*count == 0) return true;
  if (*entry_size != kProgramHeaderSize) return false;
  const auto headers = slice(bytes_, *table, *count * kProgramHeaderSize);
  if (!headers) return false;
  for (std::uint64_t at = 0; at < headers->size(); at += kProgramHeaderSize) {
    const auto contents = slice(bytes_, *read_le<std::uint64_t>(*headers, at + 0x08),
                                *read_le<std::uint64_t>(*headers, at + 0x20));
    if (!contents) return false;
    segments_.push_back(Segment{*read_le<std::uint32_t>(*headers, at),
                                *read_le<std::uint64_t>(*headers, at + 0x10), *contents});
  }
  return true;
}

std::optional<std::string_view> ElfFile::from_address(std::uint64_t address) const noexcept {
  for (const Segment& segment : segments_) {
    if (segment.type != kLoadSegment || address < segment.address) continue;
    const std::uint64_t offset = address - segment.address;
    if (offset < segment.contents.size()) return segment.contents.substr(offset);
  }
  return std::nullopt;
}

bool ElfFile::read_dynamic() {
  for (const Segment& segment : segments_) {
    if (segment.type == kInterpreterSegment) {
      const auto name = c_string(segment.contents, 0);
      if (!name) return false;
      interpreter_ = *name;
    }
    if (segment.type != kDynamicSegment) continue;
    std::vector<std::uint64_t> name_offsets;
    std::optional<std::string_view> strings;
    for (std::uint64_t at = 0; at + kDynamicEntrySize <= segment.contents.size();
         at += kDynamicEntrySize) {
      const auto tag = *read_le<std::uint64_t>(segment.contents, at);
      const auto value = *read_le<std::uint64_t>(segment.contents, at + 8);
      if (tag == 0) break;
      if (tag == kNeededTag) name_offsets.push_back(value);
      if (tag == kStringTableTag) strings = from_address(value);
    }
    for (const std::uint64_t offset : name_offsets) {
      const auto name = strings ? c_string(*strings, offset) : std::nullopt;
      if (!name) return false;
      needed_.push_back(*name);
    }
  }
  return true;
}

std::optional<std::string_view> ElfFile::section(std::string_view name) const noexcept {
  for (const Section& section : sections_) {
    if (section.name == name) return section.contents;
  }
  return std::nullopt;
}

bool ElfFile::has_note(std::string_view name, std::uint32_t type) const noexcept {
  for (const Segment& segment : segments_) {
    if (segment.type == kNoteSegment && holds_note(segment.contents, name, type)) return true;
  }
  return false;
}

}  // namespace vmfleet::image
