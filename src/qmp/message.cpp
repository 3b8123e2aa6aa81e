// SPDX-License-Identifier: MIT
// Decoding: which of the three kinds a message is, and its members.
#include <vmfleet/qmp/message.hpp>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::qmp {

namespace {

/// Moves a member out of a message that is not needed any more: a reply may be 60 MB.
Value take(Value& message, std::string_view key) {
  // The document is ours and not const; only its accessors are.
  return std::move(const_cast<Value&>(message[key]));
}

Greeting greeting_from(const Value& body) {
  const Value& version = body["version"]["qemu"];
  Greeting greeting;
  greeting.major = static_cast<int>(version.integer("major", 0));
  greeting.minor = static_cast<int>(version.integer("minor", 0));
  greeting.micro = static_cast<int>(version.integer("micro", 0));
  greeting.package = std::string(body["version"].text("package"));
  greeting.capabilities = body.texts("capabilities");
  return greeting;
}

Event event_from(Value& message) {
  const Value& timestamp = message["timestamp"];
  const auto seconds = timestamp.integer("seconds", -1);
  Event event;
  event.name = std::string(message.text("event"));
  if (!message["data"].is_null()) event.data = take(message, "data");
  // QEMU writes -1 when it could not read its clock; beyond the range nothing can be meant.
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  if (seconds >= 0 && seconds < kMost) {
    const auto micros = timestamp.integer("microseconds", 0);
    event.timestamp = Event::Time(std::chrono::seconds(seconds)) +
                      std::chrono::microseconds(micros >= 0 && micros < 1'000'000 ? micros : 0);
  }
  return event;
}

Reply reply_from(Value& message, const Value* refusal) {
  Reply reply;
  if (!message["id"].is_null()) reply.id = take(message, "id");
  if (refusal != nullptr) {
    reply.error.emplace();
    reply.error->error_class = std::string(refusal->text("class"));
    reply.error->description = std::string(refusal->text("desc"));
  } else {
    reply.value = take(message, "return");
  }
  return reply;
}

ErrorKind kind_of(std::string_view error_class) {
  if (error_class == "CommandNotFound" || error_class == "DeviceNotFound") {
    return ErrorKind::not_found;
  }
  return ErrorKind::unavailable;
}

}  // namespace

std::string Greeting::version() const {
  return fmt::format("{}.{}.{}", major, minor, micro);
}

Result<Message> decode(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return parsed.error();
  Value& message = *parsed;
  if (const json::Object* members = message.as_object()) {
    if (message["event"].is_string()) return Message(event_from(message));
    if (members->find("return") != nullptr) return Message(reply_from(message, nullptr));
    const Value* refusal = members->find("error");
    if (refusal != nullptr && refusal->is_object()) return Message(reply_from(message, refusal));
    if (message["QMP"].is_object()) return Message(greeting_from(message["QMP"]));
  }
  constexpr std::size_t kShown = 120;
  return Error(ErrorKind::protocol, "a message that is no greeting, no reply and no event")
      .evidence(sanitize(text.substr(0, kShown)));
}

Error to_error(const CommandError& refusal, std::string_view command) {
  return Error(kind_of(refusal.error_class),
               fmt::format("{} was refused: {}", command, sanitize(refusal.description)))
      .evidence(sanitize(refusal.error_class + ": " + refusal.description));
}

}  // namespace vmfleet::qmp
