// SPDX-License-Identifier: MIT
// EventLog: the greeting and the empty return are noted, the events are handed out.
#include <vmfleet/qmp/event_log.hpp>

namespace vmfleet::qmp {

std::vector<Event> EventLog::feed(std::string_view chunk) {
  std::vector<Event> events;
  framer_.feed(chunk);
  for (auto front = framer_.front(); front; front = framer_.front()) {
    auto message = front->ok() ? decode(**front) : Result<Message>(front->error());
    framer_.pop();
    if (!message) {
      fault(message.error());
    } else if (auto* event = std::get_if<Event>(&*message)) {
      events.push_back(std::move(*event));
    } else if (auto* greeting = std::get_if<Greeting>(&*message)) {
      greeting_ = std::move(*greeting);
    } else if (const auto& reply = std::get<Reply>(*message); reply.ok()) {
      recording_ = true;
    } else {
      fault(to_error(*reply.error, "qmp_capabilities"));
    }
  }
  return events;
}

void EventLog::fault(const Error& error) {
  ++faults_;
  last_fault_ = error;
}

}  // namespace vmfleet::qmp
