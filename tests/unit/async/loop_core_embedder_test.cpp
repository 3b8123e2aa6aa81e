// SPDX-License-Identifier: MIT
// Loops on an embedder's uv_loop_t, beside the embedder's own handles.
#include <uv.h>

#include <vmfleet/async/event.hpp>

#include "tests/unit/async/fake_loop.hpp"
#include "tests/unit/async/uv_watch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// An embedder's loop; it can be closed when nothing of anybody is left on it.
class EmbeddersLoop {
 public:
  EmbeddersLoop() { REQUIRE(uv_loop_init(&loop) == 0); }
  EmbeddersLoop(const EmbeddersLoop&) = delete;
  EmbeddersLoop& operator=(const EmbeddersLoop&) = delete;
  ~EmbeddersLoop() { CHECK(uv_loop_close(&loop) == 0); }
  uv_loop_t loop;
};

}  // namespace

TEST_CASE("an embedder's loop is turned, with the embedder's own handles, as often as asked") {
  EmbeddersLoop embedder;
  Ticker ticker(embedder.loop);
  {
    Loop loop(&embedder.loop);
    REQUIRE(loop.uv() == &embedder.loop);
    for (int i = 0; i < 3; ++i) {
      loop.run(sleep_for(5ms));
      uv_run(&embedder.loop, UV_RUN_ONCE);  // they may turn it between our runs
    }
  }
  REQUIRE(ticker.ticks > 0);
  REQUIRE(ticker.active());
}

TEST_CASE("an embedder's loop without handles tells a deadlock too") {
  EmbeddersLoop embedder;
  Loop loop(&embedder.loop);
  Event never;
  REQUIRE_THROWS_AS(loop.run(never.wait()), Error);
}

TEST_CASE("a call from an embedder's callback reaches a task") {
  EmbeddersLoop embedder;
  Loop loop(&embedder.loop);
  Event event;
  uv_timer_t timer;
  uv_timer_init(&embedder.loop, &timer);
  timer.data = &event;
  uv_timer_start(
      &timer, [](uv_timer_t* fired) { static_cast<Event*>(fired->data)->set(); }, 1, 0);
  loop.run(event.wait());
  uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
}

TEST_CASE("an embedder's uv_stop does not end a run") {
  EmbeddersLoop embedder;
  Loop loop(&embedder.loop);
  bool ended = false;
  const auto root = [&]() -> Task<void> {
    uv_stop(&embedder.loop);
    co_await sleep_for(2ms);
    uv_stop(&embedder.loop);
    co_await turns(2);
    ended = true;
  };
  loop.run(root());
  uv_stop(&embedder.loop);  // and not the closing of our handles either
  REQUIRE(ended);
}

TEST_CASE("two loops share an embedder's loop one after the other") {
  EmbeddersLoop embedder;
  for (int i = 0; i < 2; ++i) {
    Loop loop(&embedder.loop);
    loop.run(sleep_for(1ms));
  }
}

TEST_CASE("what an embedder's callback makes ready before the poll does not wait for I/O") {
  EmbeddersLoop embedder;
  Loop loop(&embedder.loop);
  Event event;
  uv_prepare_t prepare;
  uv_prepare_init(&embedder.loop, &prepare);
  prepare.data = &event;
  uv_prepare_start(&prepare, [](uv_prepare_t* ran) { static_cast<Event*>(ran->data)->set(); });
  {
    Watchdog watchdog(loop);
    loop.run(event.wait());
    CHECK(watchdog.stop());
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&prepare), nullptr);
}
