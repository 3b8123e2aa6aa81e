// SPDX-License-Identifier: MIT
// How many columns of a terminal a text takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vmfleet::cli {

/// Columns of sanitised text. Never too few: what may be wide counts as two.
std::size_t display_width(std::string_view text) noexcept;
/// The beginning of the text that fits, with `…` when it was cut.
std::string fit_columns(std::string_view text, std::size_t columns);

}  // namespace vmfleet::cli
