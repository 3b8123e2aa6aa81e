// SPDX-License-Identifier: MIT
// UTF-8 validation, one sequence at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace vmfleet {

/// The length (1 to 4) of the well-formed sequence at the start of `text`, or 0 when there is none.
/// *Source*: RFC 3629, section 4 (no overlong forms, no surrogates, at most U+10FFFF).
std::size_t utf8_sequence_length(std::string_view text) noexcept;

}  // namespace vmfleet
