// SPDX-License-Identifier: MIT
// AgentClient: a session that begins with a sentinel instead of a greeting.
#include <vmfleet/qmp/agent_client.hpp>

#include <random>

#include <fmt/format.h>

#include "qmp/session.hpp"

namespace vmfleet::qmp {

namespace {

constexpr const char* kSync = "guest-sync-delimited";

Error silent_agent(Milliseconds timeout) {
  return Error(ErrorKind::timed_out,
               fmt::format("the guest agent did not answer within {}", to_string(timeout)))
      .hint("the agent must run in the guest, on the port named org.qemu.guest_agent.0");
}

Task<void> synchronise(std::shared_ptr<Session> session, Milliseconds timeout) {
  const auto token = static_cast<std::int64_t>(std::random_device()() >> 1);
  json::Object arguments;
  arguments.append("id", token);
  CommandOptions options;
  options.timeout = timeout;
  // The agent's parser, too, may be in the middle of what an earlier user began to say.
  std::string sentinel = "\xFF";
  session->skip_to_sentinel();
  std::optional<Reply> reply;
  try {
    reply =
        co_await session->execute(kSync, Value(std::move(arguments)), options, std::move(sentinel));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  if (!reply) throw silent_agent(timeout);
  if (!reply->ok()) throw to_error(*reply->error, kSync);
  if (reply->value.as_int() != token) {
    throw Error(ErrorKind::protocol, "the guest agent answered with another token")
        .evidence(json::write(reply->value));
  }
}

Task<Value> run_agent_command(std::shared_ptr<Session> session, std::string command,
                              Value arguments, CommandOptions options) {
  Reply reply = co_await session->execute(command, std::move(arguments), options);
  if (!reply.ok()) throw to_error(*reply.error, command);
  co_return std::move(reply.value);
}

}  // namespace

Task<AgentClient> AgentClient::attach(UnixSocket socket, Milliseconds timeout) {
  AgentClient agent(std::make_shared<Session>(std::move(socket), ClientOptions()));
  co_await synchronise(agent.session_, timeout);
  co_return agent;
}

AgentClient::AgentClient(std::shared_ptr<Session> session) noexcept
    : session_(std::move(session)) {}

AgentClient::AgentClient(AgentClient&&) noexcept = default;

AgentClient& AgentClient::operator=(AgentClient&& other) noexcept {
  std::swap(session_, other.session_);
  return *this;
}

AgentClient::~AgentClient() {
  if (session_) session_->close();
}

Task<Value> AgentClient::execute(std::string command, Value arguments, CommandOptions options) {
  return run_agent_command(session_, std::move(command), std::move(arguments), options);
}

Task<void> AgentClient::ping(Milliseconds timeout) {
  CommandOptions options;
  options.timeout = timeout;
  co_await execute("guest-ping", Value(), options);
}

Task<std::string> AgentClient::version() {
  const Value info = co_await execute("guest-info");
  co_return std::string(info.text("version"));
}

}  // namespace vmfleet::qmp
