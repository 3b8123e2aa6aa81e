// SPDX-License-Identifier: MIT
// Terminal escape sequences in guest output.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vmfleet::cli {

/// Without the escape sequences: colours and cursor movements mean nothing in a log. What looks
/// like one and is none stays, for `sanitize` to show. *Source*: ECMA-48, sections 5.3 to 5.6.
std::string strip_escapes(std::string_view text);

/// How many bytes at the end may belong to a sequence whose rest has not come yet.
std::size_t unfinished_escape(std::string_view text) noexcept;

}  // namespace vmfleet::cli
