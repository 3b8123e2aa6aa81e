// SPDX-License-Identifier: MIT
// Base64, four letters at a time.
#include <vmfleet/base/base64.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace vmfleet {

namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint32_t kNoLetter = 64;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNoLetter;
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<unsigned char>(kLetters[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr auto kValues = make_values();

}  // namespace

std::string encode_base64(std::string_view data) {
  std::string text;
  for (; !data.empty(); data.remove_prefix(std::min<std::size_t>(data.size(), 3))) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < data.size() ? static_cast<unsigned char>(data[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= data.size() ? kLetters[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

Result<std::string> decode_base64(std::string_view text) {
  const Error broken(ErrorKind::protocol, "this is not base64");
  if (text.size() % 4 != 0) return broken;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::size_t letters = at + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = i < letters ? kValues[static_cast<unsigned char>(text[at + i])] : 0;
      if (value == kNoLetter) return broken;
      group = group << 6 | value;
    }
    for (std::size_t i = 0; i + 1 < letters; ++i) {
      bytes += static_cast<char>(group >> (16 - 8 * i) & 0xff);
    }
  }
  return bytes;
}

}  // namespace vmfleet
