// SPDX-License-Identifier: MIT
// Waiting for what nothing announces: the one place where tests look again and again.
#pragma once

#include <functional>

#include <vmfleet/async/time.hpp>

namespace vmfleet::test {

/// Returns as soon as `condition` holds; the test's own deadline ends a wait for what never comes.
inline Task<void> eventually(std::function<bool()> condition) {
  while (!condition()) co_await sleep_for(Milliseconds(1));
}

}  // namespace vmfleet::test
