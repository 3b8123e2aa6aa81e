// SPDX-License-Identifier: MIT
// Utf8Filter: gathers a sequence, then asks whether it is well-formed.
#include "console/utf8_filter.hpp"

#include <vmfleet/base/utf8.hpp>

namespace vmfleet::console {
namespace {

std::size_t length_after(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

}  // namespace

std::span<const Utf8Filter::Byte> Utf8Filter::put(char value, std::uint64_t offset) noexcept {
  const auto byte = static_cast<unsigned char>(value);
  const bool continues = (byte & 0xC0U) == 0x80;
  if (gathered_ == 0 || !continues) {
    gathered_ = 0;
    expected_ = length_after(byte);
    if (expected_ == 0) return {};
  }
  sequence_[gathered_++] = {value, offset};
  if (gathered_ < expected_) return {};
  gathered_ = 0;
  if (expected_ > 1) {
    std::array<char, 4> text{};
    for (std::size_t i = 0; i < expected_; ++i) text[i] = sequence_[i].value;
    if (utf8_sequence_length({text.data(), expected_}) != expected_) return {};
  }
  return {sequence_.data(), expected_};
}

}  // namespace vmfleet::console
