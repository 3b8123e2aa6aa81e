// SPDX-License-Identifier: MIT
// Signals, on uv_signal_t.
#include <vmfleet/io/signals.hpp>

#include <deque>
#include <utility>

#include <vmfleet/async/event.hpp>
#include <vmfleet/base/error.hpp>

#include "async/uv_handle.hpp"

namespace vmfleet {

class Signals::State {
 public:
  State(Loop& loop, const std::vector<int>& numbers) {
    for (const int number : numbers) {
      auto& handle = handles_.emplace_back(loop, "Signals");
      uv_signal_init(loop.uv(), handle.get());
      handle.set_owner(this);
      const int error = uv_signal_start(
          handle.get(),
          [](uv_signal_t* signal, int arrived) {
            auto* self = detail::UvHandle<uv_signal_t>::owner<State>(signal);
            if (self == nullptr) return;
            self->arrived_.push_back(arrived);
            self->event_.set();
          },
          number);
      if (error != 0) throw errno_error("watch a signal", -error);
    }
    reference(false);
  }

  Task<int> next() {
    const Referenced referenced(*this);
    while (arrived_.empty()) {
      event_.clear();
      co_await event_.wait();
    }
    const int number = arrived_.front();
    arrived_.pop_front();
    co_return number;
  }

 private:
  // Only a wait for a signal keeps the loop alive.
  void reference(bool more) noexcept {
    for (auto& handle : handles_) {
      if (more) {
        uv_ref(handle.base());
      } else {
        uv_unref(handle.base());
      }
    }
  }
  struct Referenced {
    explicit Referenced(State& owner) noexcept : state(owner) {
      if (state.waiting_++ == 0) state.reference(true);
    }
    Referenced(const Referenced&) = delete;
    Referenced& operator=(const Referenced&) = delete;
    ~Referenced() {
      if (--state.waiting_ == 0) state.reference(false);
    }
    State& state;
  };

  std::deque<detail::UvHandle<uv_signal_t>> handles_;
  std::deque<int> arrived_;
  int waiting_ = 0;  // libuv does not count references
  Event event_;
};

Signals::Signals(Loop& loop, const std::vector<int>& numbers)
    : state_(std::make_unique<State>(loop, numbers)) {}
Signals::Signals(Signals&&) noexcept = default;
Signals::~Signals() = default;

Task<int> Signals::next() {
  return state_->next();
}

void hold_off_signals(const std::vector<int>& numbers) {
  // The default action returns with the last handle that watches a signal: these stay, on a loop
  // that is never run.
  static uv_loop_t* never_run = [] {
    auto* loop = new uv_loop_t;
    if (uv_loop_init(loop) != 0) delete std::exchange(loop, nullptr);
    return loop;
  }();
  if (never_run == nullptr) return;
  static auto* kept = new std::deque<uv_signal_t>;
  for (const int number : numbers) {
    uv_signal_t& handle = kept->emplace_back();
    uv_signal_init(never_run, &handle);
    uv_signal_start(
        &handle, [](uv_signal_t*, int) {}, number);
  }
}

}  // namespace vmfleet
