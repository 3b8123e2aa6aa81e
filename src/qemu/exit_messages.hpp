// SPDX-License-Identifier: MIT
// The table of messages with which QEMU ends early, and what each one means.
#pragma once

#include <string_view>

#include <vmfleet/base/error.hpp>

namespace vmfleet::qemu {

struct ExitMessage {
  std::string_view words;  ///< a part of QEMU's line that no other cause has
  ErrorKind kind;
  std::string_view meaning;
  std::string_view hint;
};

/// The first row whose words occur decides: the specific ones stand before the general ones.
const ExitMessage* find_exit_message(std::string_view line) noexcept;

}  // namespace vmfleet::qemu
