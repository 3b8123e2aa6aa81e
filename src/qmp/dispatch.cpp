// SPDX-License-Identifier: MIT
// Dispatch: each message to its waiters; each failure to all whom it concerns, once.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qmp/session.hpp"

namespace vmfleet::qmp {

void Session::dispatch(Message message) {
  std::visit([this](auto&& body) { deliver(std::forward<decltype(body)>(body)); },
             std::move(message));
}

void Session::deliver(Greeting greeting) {
  if (greeted_ == nullptr || greeted_->served) {
    return distrust(Error(ErrorKind::protocol, "a greeting in the middle of a session"));
  }
  greeting_ = std::move(greeting);
  greeted_->serve();
}

void Session::deliver(Reply reply) {
  if (greeted_ != nullptr) {
    return distrust(Error(ErrorKind::protocol, "a reply in place of the greeting"));
  }
  auto found = pending_.end();
  if (!reply.id.is_null()) {
    const auto id = reply.id.as_int();
    if (id && *id > 0) found = pending_.find(static_cast<std::uint64_t>(*id));
    if (found == pending_.end()) {  // of a command that was given up
      if (abandoned_ > 0) --abandoned_;
      return;
    }
  } else if (pending_.size() == 1 && abandoned_ == 0) {
    found = pending_.begin();  // it can belong to no other
  } else {
    Error lost(ErrorKind::protocol, "a reply that does not say to which command");
    if (reply.error) lost = std::move(lost).evidence(sanitize(reply.error->description));
    return distrust(lost);
  }
  Pending& command = *found->second;
  pending_.erase(found);
  command.finish(std::move(reply));
}

void Session::deliver(Event event) {
  for (Subscription* stream : subscriptions_) {
    const auto& names = stream->options.names;
    if (!names.empty() && std::count(names.begin(), names.end(), event.name) == 0) continue;
    if (stream->queue.size() >= std::max(stream->options.capacity, std::size_t{1})) {
      stream->queue.pop_front();
      ++stream->dropped;
    }
    stream->queue.push_back(event);
    if (stream->waiter != nullptr) stream->waiter->serve();
  }
}

void Session::distrust(const Error& why) {
  if (greeted_ != nullptr) return end(Error(why).context("the peer does not speak QMP"));
  fail_commands(why);
}

void Session::fail_commands(const Error& why) {
  auto failed = std::move(pending_);
  pending_.clear();
  for (const auto& [id, command] : failed) {
    if (command->sent) ++abandoned_;
    command->finish(why);
  }
}

void Session::end(const Error& why) {
  if (ended_) return;
  ended_ = why;
  fail_commands(why);
  for (Waiter* waiter : waiters_) waiter->wake.set();
  socket_.close();
}

void Session::close() {
  end(Error(ErrorKind::disconnected, "the client was closed"));
}

void Session::remove(Subscription& subscription) noexcept {
  subscriptions_.erase(std::remove(subscriptions_.begin(), subscriptions_.end(), &subscription),
                       subscriptions_.end());
}

}  // namespace vmfleet::qmp
