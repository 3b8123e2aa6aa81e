// SPDX-License-Identifier: MIT
// Semaphore: a bounded number of permits, handed out in the order of asking.
#pragma once

#include <cstddef>
#include <utility>

#include <vmfleet/async/detail/wait_queue.hpp>

namespace vmfleet {

/// *Lifetime*: outlives its permits and waiters. *Threads*: its loop's own.
class Semaphore {
 public:
  explicit Semaphore(std::size_t permits) noexcept : free_(permits) {}

  /// Gives itself back when destroyed.
  class Permit {
   public:
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    ~Permit() { release(); }
    /// Gives it back now.
    void release() noexcept {
      if (from_ != nullptr) std::exchange(from_, nullptr)->give_back();
    }

   private:
    friend class Semaphore;
    explicit Permit(Semaphore& from) noexcept : from_(&from) {}
    Semaphore* from_;
  };

  Task<Permit> acquire();
  [[nodiscard]] std::size_t available() const noexcept { return free_; }

 private:
  void give_back() noexcept;

  std::size_t free_;
  detail::WaitQueue waiters_;
};

}  // namespace vmfleet
