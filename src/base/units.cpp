// SPDX-License-Identifier: MIT
// Reading and writing sizes and durations.
#include <vmfleet/base/units.hpp>

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet {

namespace {

struct Quantity {
  double number;
  std::string_view unit;
};

// A non-negative decimal number and what follows it.
Result<Quantity> parse_quantity(std::string_view text, std::string_view example) {
  double number = 0;
  const auto end = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, end);
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || rest != digits.data() + digits.size()) {
    return Error(ErrorKind::invalid_config,
                 fmt::format("'{}' is not a number with a unit", sanitize(text)))
        .hint(fmt::format("write it like {}", example));
  }
  return Quantity{number, end == std::string_view::npos ? std::string_view() : text.substr(end)};
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
  constexpr std::string_view kExample = "512M or 2G";
  auto quantity = parse_quantity(text, kExample);
  if (!quantity) return quantity.error();
  std::string_view unit = quantity->unit;
  if (unit.size() > 1 && (unit.substr(1) == "B" || unit.substr(1) == "iB"))
    unit = unit.substr(0, 1);
  constexpr std::string_view kUnits = "KMGT";
  int shift = 0;
  if (!unit.empty()) {
    const char letter = unit[0] >= 'a' ? static_cast<char>(unit[0] - 'a' + 'A') : unit[0];
    const auto index = kUnits.find(letter);
    if (unit.size() != 1 || index == std::string_view::npos) {
      return Error(ErrorKind::invalid_config,
                   fmt::format("'{}' has an unknown unit '{}'", sanitize(text), sanitize(unit)))
          .hint(fmt::format("write it like {}", kExample));
    }
    shift = 10 * (static_cast<int>(index) + 1);
  }
  const double count = std::ldexp(quantity->number, shift);
  if (count >= 9.2e18) {
    return Error(ErrorKind::invalid_config, fmt::format("'{}' is too large", sanitize(text)));
  }
  return Bytes(static_cast<std::uint64_t>(count));
}

std::string to_string(Bytes size) {
  constexpr std::string_view kUnits = " KMGT";  // the first stands for none
  std::uint64_t count = size.count();
  std::size_t unit = 0;
  while (count != 0 && count % 1024 == 0 && unit + 1 < 5) {
    count /= 1024;
    ++unit;
  }
  std::string text = std::to_string(count);
  if (unit > 0) text += kUnits[unit];
  return text;
}

Result<Milliseconds> parse_duration(std::string_view text) {
  constexpr std::string_view kExample = "500ms, 10s or 2m";
  auto quantity = parse_quantity(text, kExample);
  if (!quantity) return quantity.error();
  double factor = 0;
  if (quantity->unit == "ms") factor = 1;
  if (quantity->unit == "s") factor = 1000;
  if (quantity->unit == "m") factor = 60'000;
  if (quantity->unit == "h") factor = 3'600'000;
  if (factor == 0) {
    return Error(ErrorKind::invalid_config,
                 quantity->unit.empty() ? fmt::format("'{}' needs a unit", sanitize(text))
                                        : fmt::format("'{}' has an unknown unit '{}'",
                                                      sanitize(text), sanitize(quantity->unit)))
        .hint(fmt::format("write it like {}", kExample));
  }
  const double ms = quantity->number * factor;
  if (ms > 1e12) {
    return Error(ErrorKind::invalid_config, fmt::format("'{}' is too long", sanitize(text)));
  }
  return Milliseconds(static_cast<std::int64_t>(std::llround(ms)));
}

std::string to_string(Milliseconds duration) {
  const auto ms = duration.count();
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000);
  return fmt::format("{} m {:02} s", ms / 60'000, ms % 60'000 / 1000);
}

}  // namespace vmfleet
