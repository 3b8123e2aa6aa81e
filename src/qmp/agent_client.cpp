// SPDX-License-Identifier: MIT
// AgentClient: a session that begins with a sentinel instead of a greeting.
#include <vmfleet/qmp/agent_client.hpp>

#include <random>

#include <fmt/format.h>

#include <vmfleet/base/base64.hpp>

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
  std::random_device random;
  const auto token = static_cast<std::int64_t>(random() >> 1);
  json::Object arguments;
  arguments.append("id", token);
  CommandOptions options;
  options.timeout = timeout;
  // The agent's parser, too, may be in the middle of what an earlier user began to say.
  std::string sentinel = "\xFF";
  session->skip_to_sentinel(random());
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

std::string decode_output(const Value& status, const char* stream) {
  auto bytes = decode_base64(status.text(stream));
  if (!bytes.ok()) throw Error(bytes.error()).context(fmt::format("{} of the guest", stream));
  return std::move(bytes).value();
}

/// A number that no exit status can be is a failure all the same.
int exit_code_of(const Value& status) {
  const std::int64_t code = status.integer("exitcode", 0);
  return code >= 0 && code <= 255 ? static_cast<int>(code) : 255;
}

int signal_of(const Value& status) {
  const std::int64_t signal = status.integer("signal", 0);
  return signal >= 0 && signal <= 64 ? static_cast<int>(signal) : 64;
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

Task<std::int64_t> AgentClient::start(std::vector<std::string> argv, std::string input) {
  json::Object arguments;
  arguments.append("path", argv.at(0));
  arguments.append("arg", json::Array(argv.begin() + 1, argv.end()));
  arguments.append("capture-output", true);
  if (!input.empty()) arguments.append("input-data", encode_base64(input));
  const Value started = co_await execute("guest-exec", Value(std::move(arguments)));
  const auto pid = started["pid"].as_int();
  if (!pid)
    throw Error(ErrorKind::protocol, "the guest agent started nothing").context("guest-exec");
  co_return *pid;
}

Task<std::optional<ProcessOutput>> AgentClient::outcome(std::int64_t process) {
  json::Object arguments;
  arguments.append("pid", process);
  const Value status = co_await execute("guest-exec-status", Value(std::move(arguments)));
  if (!status.flag("exited", false)) co_return std::nullopt;
  ProcessOutput output;
  output.status.signal = signal_of(status);
  output.status.code = exit_code_of(status);
  output.out = decode_output(status, "out-data");
  output.err = decode_output(status, "err-data");
  output.truncated = status.flag("out-truncated", false) || status.flag("err-truncated", false);
  co_return output;
}

}  // namespace vmfleet::qmp
