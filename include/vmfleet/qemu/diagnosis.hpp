// SPDX-License-Identifier: MIT
// diagnose_exit: why QEMU ended before its machine ran, from its own words.
#pragma once

#include <string_view>

#include <vmfleet/base/error.hpp>

namespace vmfleet {

/// Classes the last words of a QEMU that ended early. The message says what is wrong in our words,
/// the evidence is what QEMU said, the hint what to do. `signal` is 0 when it exited with `status`.
///
/// *Source*: the messages were collected from QEMU 7.2 by provoking each of them.
Error diagnose_exit(std::string_view stderr_text, int status, int signal = 0);

}  // namespace vmfleet
