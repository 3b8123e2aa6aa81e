// SPDX-License-Identifier: MIT
// EventStream: a subscription's owner.
#include <vmfleet/qmp/event_stream.hpp>

#include "qmp/session.hpp"

namespace vmfleet::qmp {

namespace {

Task<Event> next_of(std::shared_ptr<Subscription> subscription) {
  co_return co_await subscription->session->next_event(*subscription);
}

Task<Event> next_named(std::shared_ptr<Subscription> subscription, std::string name) {
  for (;;) {
    Event event = co_await subscription->session->next_event(*subscription);
    if (event.name == name) co_return event;
  }
}

}  // namespace

Subscription::Subscription(std::shared_ptr<Session> from, EventStreamOptions wanted)
    : session(std::move(from)), options(std::move(wanted)) {
  session->add(*this);
}

Subscription::~Subscription() {
  session->remove(*this);
}

EventStream::EventStream(std::shared_ptr<Subscription> subscription)
    : subscription_(std::move(subscription)) {}

EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;
EventStream::~EventStream() = default;

Task<Event> EventStream::next() {
  return next_of(subscription_);
}

Task<Event> EventStream::wait_for(std::string name) {
  return next_named(subscription_, std::move(name));
}

std::size_t EventStream::dropped() const noexcept {
  return subscription_->dropped;
}

}  // namespace vmfleet::qmp
