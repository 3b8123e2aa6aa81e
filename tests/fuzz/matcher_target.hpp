// SPDX-License-Identifier: MIT
// The matcher against a naive search of the whole normalised text.
#pragma once

#include <string_view>

namespace vmfleet::fuzz {

/// Builds a stream and its cuts from `data`, and aborts with the stream when the two disagree.
void check_matcher(std::string_view data);

}  // namespace vmfleet::fuzz
