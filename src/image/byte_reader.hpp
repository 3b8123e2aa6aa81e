// SPDX-License-Identifier: MIT
// Little-endian numbers out of untrusted bytes, never past their end.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vmfleet::image {

/// The number at `offset`, or nothing when it is not wholly inside.
template <class Unsigned>
std::optional<Unsigned> read_le(std::string_view bytes, std::uint64_t offset) noexcept {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(Unsigned)) return std::nullopt;
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[offset + i]);
    value = static_cast<Unsigned>(value | static_cast<Unsigned>(Unsigned{byte} << (8 * i)));
  }
  return value;
}

/// `size` bytes at `offset`, or nothing when they are not wholly inside.
inline std::optional<std::string_view> slice(std::string_view bytes, std::uint64_t offset,
                                             std::uint64_t size) noexcept {
  if (offset > bytes.size() || bytes.size() - offset < size) return std::nullopt;
  return bytes.substr(offset, size);
}

/// The text up to the next NUL, or nothing when there is none.
inline std::optional<std::string_view> c_string(std::string_view bytes,
                                                std::uint64_t offset) noexcept {
  if (offset >= bytes.size()) return std::nullopt;
  const auto end = bytes.find('\0', offset);
  if (end == std::string_view::npos) return std::nullopt;
  return bytes.substr(offset, end - offset);
}

}  // namespace vmfleet::image
