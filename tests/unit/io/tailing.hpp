// SPDX-License-Identifier: MIT
// Following a file that the test changes meanwhile.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/file_tail.hpp>

#include "tests/unit/io/small_files.hpp"

namespace vmfleet::test {

/// Everything from the tail until `size` bytes have come.
inline Task<std::string> read_bytes(FileTail& tail, std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const TailChunk chunk = co_await tail.next();
    all += chunk.data;
  }
  co_return all;
}

template <class T>
T run(Loop& loop, Task<T> task) {
  return loop.run(with_timeout(std::chrono::seconds(60), std::move(task)));
}

/// What one next() gives after `change()` was made while it waited.
inline TailChunk next_after(Loop& loop, FileTail& tail, const std::function<void()>& change) {
  TailChunk chunk;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { chunk = co_await tail.next(); });
    co_await sleep_for(Milliseconds(1));
    REQUIRE(group.running() == 1);
    change();
  };
  run(loop, with_task_group(body));
  return chunk;
}

}  // namespace vmfleet::test
