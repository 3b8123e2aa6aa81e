// SPDX-License-Identifier: MIT
// Programs of this host that a command will need: looked up before it does anything else.
#pragma once

#include <string>

namespace vmfleet::cli {

/// *Errors*: `host_unfit`, with what to do about it.
void require_program(const std::string& name);

}  // namespace vmfleet::cli
