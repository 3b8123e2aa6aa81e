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
  if (reply.id.is_null()) return deliver_without_id(std::move(reply));
  const auto id = static_cast<std::uint64_t>(reply.id.as_int().value_or(0));
  if (id >= trusted_from_) refused_unread_ = false;
  const auto found = pending_.find(id);
  if (found == pending_.end()) {  // of a command that was given up
    if (abandoned_ > 0) --abandoned_;
    return;
  }
  ids_echoed_ = true;
  finish(found, std::move(reply));
}

/// QEMU leaves the id out when it could not read a command; one such command can cause several
/// errors, all before the reply to any later command. Some servers never send ids.
void Session::deliver_without_id(Reply reply) {
  if ((refused_unread_ || synchronising_) && !reply.ok()) return;
  if (ids_echoed_ && !reply.ok()) {
    refused_unread_ = true;
    trusted_from_ = next_id_;
  }
  if (pending_.size() == 1 && abandoned_ == 0) return finish(pending_.begin(), std::move(reply));
  Error lost(ErrorKind::protocol, "a reply that does not say to which command");
  if (reply.error) lost = std::move(lost).evidence(sanitize(reply.error->description));
  distrust(lost);
}

void Session::finish(Commands::iterator command, Reply reply) {
  synchronising_ = false;
  Pending& pending = *command->second;
  pending_.erase(command);
  pending.finish(std::move(reply));
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
  socket_.close();  // ends the reader's wait; the waiters then leave one after the other
}

void Session::close() {
  end(Error(ErrorKind::disconnected, "the client was closed"));
}

void Session::remove(Subscription& subscription) noexcept {
  subscriptions_.erase(std::remove(subscriptions_.begin(), subscriptions_.end(), &subscription),
                       subscriptions_.end());
}

}  // namespace vmfleet::qmp
