// SPDX-License-Identifier: MIT
// next_within: what a followed file gains in a short time. Private to this room.
#pragma once

#include <optional>

#include <vmfleet/async/time.hpp>
#include <vmfleet/io/file_tail.hpp>

namespace vmfleet::console {

/// Nothing when it stayed quiet.
inline Task<std::optional<TailChunk>> next_within(FileTail& tail, Milliseconds time) {
  try {
    co_return co_await with_timeout(time, tail.next());
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  co_return std::nullopt;
}

}  // namespace vmfleet::console
