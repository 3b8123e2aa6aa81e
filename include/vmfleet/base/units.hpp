// SPDX-License-Identifier: MIT
// Units in types: Bytes and durations, read and written as users write them.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

/// A size in bytes. `512M`, `2G`, `64K`, `100` (plain bytes): powers of 1024, as QEMU counts.
class Bytes {
 public:
  Bytes() = default;
  constexpr explicit Bytes(std::uint64_t count) : count_(count) {}
  static constexpr Bytes mebi(std::uint64_t n) { return Bytes(n << 20); }
  static constexpr Bytes gibi(std::uint64_t n) { return Bytes(n << 30); }

  [[nodiscard]] constexpr std::uint64_t count() const noexcept { return count_; }
  auto operator<=>(const Bytes&) const = default;

 private:
  std::uint64_t count_ = 0;
};

Result<Bytes> parse_bytes(std::string_view text);
/// The largest unit that divides it: "512M", "1536K", "7".
std::string to_string(Bytes size);

using Milliseconds = std::chrono::milliseconds;

/// `500ms`, `10s`, `2m`, `1h`, `1.5s`. A bare number is refused: its unit would be a guess.
Result<Milliseconds> parse_duration(std::string_view text);
/// For people: "340 ms", "2.1 s", "1 m 05 s".
std::string to_string(Milliseconds duration);

}  // namespace vmfleet
