// SPDX-License-Identifier: MIT
// Values for people: a line for each member, nested ones indented.
#pragma once

#include <string>

#include <vmfleet/base/json.hpp>

namespace vmfleet::cli {

std::string format_value(const json::Value& value);

}  // namespace vmfleet::cli
