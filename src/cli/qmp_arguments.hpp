// SPDX-License-Identifier: MIT
// The arguments of a QMP command, as they are written in a shell.
#pragma once

#include <string>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/result.hpp>

namespace vmfleet::cli {

/// One JSON object, or `key=value` words: a value that is JSON is taken as such, any other as text,
/// and `a.b=1` stands for `{"a": {"b": 1}}`. Null when there are none.
/// *Errors*: `invalid_config`.
Result<json::Value> parse_qmp_arguments(const std::vector<std::string>& words);

}  // namespace vmfleet::cli
