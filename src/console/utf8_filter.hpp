// SPDX-License-Identifier: MIT
// Utf8Filter: drops what is not well-formed UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vmfleet::console {

class Utf8Filter {
 public:
  struct Byte {
    char value = 0;
    std::uint64_t offset = 0;
  };

  /// The text that this byte completes: nothing, one byte, or a whole sequence.
  /// *Lifetime*: until the next call.
  std::span<const Byte> put(char byte, std::uint64_t offset) noexcept;

 private:
  std::array<Byte, 4> sequence_{};
  std::size_t gathered_ = 0;
  std::size_t expected_ = 0;
};

}  // namespace vmfleet::console
