// SPDX-License-Identifier: MIT
// ElfFile: the few facts that we need out of 64-bit little-endian ELF files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <vmfleet/base/result.hpp>

namespace vmfleet::image {

/// A view of ELF bytes, which outlive it. Every section and segment is known to lie inside them.
class ElfFile {
 public:
  /// *Errors*: `corrupt` for anything that is not a whole 64-bit little-endian ELF file.
  static Result<ElfFile> parse(std::string_view bytes);

  /// The contents of the first section of this name.
  [[nodiscard]] std::optional<std::string_view> section(std::string_view name) const noexcept;
  /// Whether a note segment holds a note of this name and type.
  [[nodiscard]] bool has_note(std::string_view name, std::uint32_t type) const noexcept;
  /// The dynamic linker that the program asks for; "" for static programs and libraries.
  [[nodiscard]] std::string_view interpreter() const noexcept { return interpreter_; }
  /// The names of the libraries that it is linked with (DT_NEEDED), in order.
  [[nodiscard]] const std::vector<std::string_view>& needed() const noexcept { return needed_; }

 private:
  struct Section {
    std::string_view name;
    std::string_view contents;
  };
  struct Segment {
    std::uint32_t type = 0;
    std::uint64_t address = 0;
    std::string_view contents;
  };

  explicit ElfFile(std::string_view bytes) noexcept : bytes_(bytes) {}
  bool read_sections();
  bool read_segments();
  bool read_dynamic();
  [[nodiscard]] std::optional<std::string_view> from_address(std::uint64_t address) const noexcept;

  std::string_view bytes_;
  std::vector<Section> sections_;
  std::vector<Segment> segments_;
  std::string_view interpreter_;
  std::vector<std::string_view> needed_;
};

}  // namespace vmfleet::image
