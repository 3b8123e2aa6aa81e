// SPDX-License-Identifier: MIT
// void as a value, so that containers of results need no special case.
#pragma once

#include <type_traits>
#include <variant>

namespace vmfleet::detail {

using Unit = std::monostate;

/// `T`, or `Unit` for void.
template <class T>
using Lifted = std::conditional_t<std::is_void_v<T>, Unit, T>;

}  // namespace vmfleet::detail
