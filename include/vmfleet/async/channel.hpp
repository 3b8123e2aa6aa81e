// SPDX-License-Identifier: MIT
// Channel<T>: a bounded queue between tasks of one loop.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include <vmfleet/async/detail/wait_queue.hpp>
#include <vmfleet/base/check.hpp>

namespace vmfleet {

/// *Lifetime*: outlives its users. *Threads*: its loop's own.
template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity) {
    VMFLEET_CHECK(capacity > 0, "a channel needs room for one item");
  }

  /// Waits while the channel is full. False, and the item is dropped, once it is closed.
  /// *Cancellation*: the item was not sent.
  Task<bool> send(T item) {
    co_await detail::checkpoint();
    while (items_.size() >= capacity_ && !closed_) co_await senders_.wait("room in a channel");
    if (closed_) co_return false;
    items_.push_back(std::move(item));
    receivers_.wake_one();
    co_return true;
  }

  /// Sends if there is room now.
  bool try_send(T item) {
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    receivers_.wake_one();
    return true;
  }

  /// Waits for an item; nullopt once the channel is closed and empty.
  /// *Cancellation*: no item was taken.
  Task<std::optional<T>> receive() {
    co_await detail::checkpoint();
    while (items_.empty() && !closed_) co_await receivers_.wait("an item in a channel");
    co_return try_receive();
  }

  std::optional<T> try_receive() {
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    senders_.wake_one();
    return item;
  }

  /// No more items; what is queued can still be received.
  void close() noexcept {
    closed_ = true;
    senders_.wake_all();
    receivers_.wake_all();
  }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

 private:
  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> items_;
  detail::WaitQueue senders_;
  detail::WaitQueue receivers_;
};

}  // namespace vmfleet
