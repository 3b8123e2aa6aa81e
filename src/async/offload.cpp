// SPDX-License-Identifier: MIT
// Work on libuv's thread pool.
#include <vmfleet/async/offload.hpp>

#include <csignal>

#include "async/loop_core.hpp"

namespace vmfleet::detail {

namespace {

/// libuv starts its threads with the first work, and these inherit what is blocked here: a signal
/// is then taken by the program's own threads, in the order in which it came.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

class PoolWork final : public Leaf {
 public:
  explicit PoolWork(std::function<void()>& work) noexcept
      : Leaf("work on the thread pool"), work_(work) {}

  void start() noexcept override {
    request_.data = this;
    const SignalsBlocked blocked;
    const int error = uv_queue_work(
        loop().core().uv(), &request_,
        [](uv_work_t* request) { static_cast<PoolWork*>(request->data)->work_(); },
        [](uv_work_t* request, int status) {
          static_cast<PoolWork*>(request->data)->finished(status);
        });
    VMFLEET_CHECK(error == 0, "uv_queue_work refused work");
  }
  // Work that already runs is waited for: finished() will be called either way.
  void stop() noexcept override { uv_cancel(reinterpret_cast<uv_req_t*>(&request_)); }

 private:
  void finished(int status) noexcept {
    if (status == UV_ECANCELED) {
      cancelled();
    } else {
      complete();
    }
  }

  std::function<void()>& work_;
  uv_work_t request_{};
};

}  // namespace

Task<void> run_on_pool(std::function<void()> work) {
  PoolWork pool_work(work);
  co_await pool_work;
}

}  // namespace vmfleet::detail
