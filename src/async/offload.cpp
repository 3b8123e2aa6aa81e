// SPDX-License-Identifier: MIT
// Work on libuv's thread pool.
#include <vmfleet/async/offload.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <future>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include <vmfleet/base/error.hpp>

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

/// *Source*: libuv, "Thread pool work scheduling".
int pool_size() {
  constexpr int kDefault = 4;
  constexpr int kMost = 1024;
  const char* set = std::getenv("UV_THREADPOOL_SIZE");
  return set == nullptr ? kDefault : std::clamp(std::atoi(set), 1, kMost);
}

/// Starts as many threads as the pool has, all at once.
bool try_threads() {
  const SignalsBlocked blocked;
  std::promise<void> over;
  const std::shared_future<void> end = over.get_future().share();
  std::vector<std::thread> threads;
  std::error_code refused;
  try {
    threads.reserve(static_cast<std::size_t>(pool_size()));
    for (int i = 0; i < pool_size(); ++i) threads.emplace_back([end] { end.wait(); });
  } catch (const std::system_error& error) {
    refused = error.code();
  } catch (const std::bad_alloc&) {
    refused = std::make_error_code(std::errc::not_enough_memory);
  }
  over.set_value();
  for (auto& thread : threads) thread.join();
  if (!refused) return true;
  throw errno_error(ErrorKind::host_unfit, "start threads", refused.value())
      .hint("raise the limits on memory and processes: ulimit -v, ulimit -u");
}

/// libuv ends the program when it cannot start its threads: first see that as many can be.
void require_threads() {
  static const bool kCanBe = try_threads();
  static_cast<void>(kCanBe);
}

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
  require_threads();
  PoolWork pool_work(work);
  co_await pool_work;
}

}  // namespace vmfleet::detail
