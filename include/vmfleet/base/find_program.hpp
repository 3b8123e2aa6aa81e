// SPDX-License-Identifier: MIT
// find_program: what a program's name means, as shells look it up.
#pragma once

#include <string>

#include <vmfleet/base/result.hpp>

namespace vmfleet {

/// The path of a program: the first executable file of this name in PATH, or `name` itself when it
/// contains a slash. *Errors*: `not_found`, only for a name that is looked up.
Result<std::string> find_program(const std::string& name);

}  // namespace vmfleet
