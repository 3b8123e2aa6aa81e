// SPDX-License-Identifier: MIT
// EventStream: one subscriber's own bounded queue of events.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <vmfleet/async/task.hpp>
#include <vmfleet/qmp/message.hpp>

namespace vmfleet::qmp {

class Session;
struct Subscription;

struct EventStreamOptions {
  EventStreamOptions() = default;
  std::vector<std::string> names;  ///< only these; empty: all
  std::size_t capacity = 1024;     ///< events kept; when it is full the oldest is dropped
};

/// Events from the moment of `Client::events` on. One that is not read drops its oldest events and
/// counts them; it never delays replies or other streams.
/// *Lifetime*: may outlive the client; the queue can then still be read.
class EventStream {
 public:
  EventStream(EventStream&&) noexcept;
  EventStream& operator=(EventStream&&) noexcept;
  ~EventStream();

  /// The oldest event in the queue, or the next to come. One task at a time.
  /// *Errors*: `disconnected` when the queue is empty and the connection has ended.
  /// *Cancellation*: no event is lost.
  Task<Event> next();
  /// The next event of this name; those before it are read past.
  Task<Event> wait_for(std::string name);
  /// Events that were dropped because nobody read them in time.
  [[nodiscard]] std::size_t dropped() const noexcept;

 private:
  friend class Client;
  explicit EventStream(std::shared_ptr<Subscription> subscription);
  std::shared_ptr<Subscription> subscription_;
};

}  // namespace vmfleet::qmp
