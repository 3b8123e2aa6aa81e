// SPDX-License-Identifier: MIT
// What `wait --for` waits for.
#pragma once

#include <string_view>

#include <vmfleet/base/result.hpp>
#include <vmfleet/machine/readiness.hpp>

namespace vmfleet::cli {

struct WaitCondition {
  WaitCondition() = default;
  enum class Kind { ready, exit, condition };

  Kind kind = Kind::ready;
  Readiness readiness;  // with `condition`
};

/// `ready`, `exit`, `serial=TEXT`, `regex=RE`, `event=NAME`, `port=FORWARD`, `ssh`, `agent`.
/// *Errors*: `invalid_config`.
Result<WaitCondition> parse_wait_condition(std::string_view text);

}  // namespace vmfleet::cli
