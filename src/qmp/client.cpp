// SPDX-License-Identifier: MIT
// Client: an owner of a session. Its tasks hold the session, so that the client can be moved.
#include <vmfleet/qmp/client.hpp>

#include "qmp/session.hpp"

namespace vmfleet::qmp {

namespace {

Task<Reply> run_command(std::shared_ptr<Session> session, std::string command, Value arguments,
                        CommandOptions options) {
  co_return co_await session->execute(std::move(command), std::move(arguments), options);
}

Task<Value> run_command_or_throw(std::shared_ptr<Session> session, std::string command,
                                 Value arguments, CommandOptions options) {
  Reply reply = co_await session->execute(command, std::move(arguments), options);
  if (!reply.ok()) throw to_error(*reply.error, command);
  co_return std::move(reply.value);
}

Task<void> run_session(std::shared_ptr<Session> session) {
  co_await session->run();
}

/// A connection waits only while the listener's queue is full: nobody accepts.
Task<UnixSocket> connect_within(const ClientOptions& options, std::filesystem::path socket) {
  const PeerWatch watch(options.peer_pid);
  const Milliseconds timeout = options.greeting_timeout;
  try {
    UnixSocket connected = co_await with_timeout(timeout, UnixSocket::connect(socket));
    co_return connected;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  throw not_connected(watch, timeout, socket);
}

}  // namespace

Task<Client> Client::connect(std::filesystem::path socket, ClientOptions options) {
  std::optional<Error> failure;
  try {
    UnixSocket connected = co_await connect_within(options, socket);
    Client client = co_await handshake(std::move(connected), options);
    co_return client;
  } catch (const Error& error) {
    failure = error;
  }
  throw std::move(*failure).context(socket.string());
}

Task<Client> Client::handshake(UnixSocket socket, ClientOptions options) {
  Client client(std::make_shared<Session>(std::move(socket), options));
  co_await client.session_->negotiate();
  co_return client;
}

Client::Client(std::shared_ptr<Session> session) noexcept : session_(std::move(session)) {}

Client::Client(Client&&) noexcept = default;

Client& Client::operator=(Client&& other) noexcept {
  std::swap(session_, other.session_);
  return *this;
}

Client::~Client() {
  if (session_) session_->close();
}

const Greeting& Client::greeting() const noexcept {
  return session_->greeting();
}

std::optional<PeerCredentials> Client::peer() const noexcept {
  return session_->peer();
}

Task<Value> Client::execute(std::string command, Value arguments, CommandOptions options) {
  return run_command_or_throw(session_, std::move(command), std::move(arguments), options);
}

Task<Reply> Client::try_execute(std::string command, Value arguments, CommandOptions options) {
  return run_command(session_, std::move(command), std::move(arguments), options);
}

EventStream Client::events(EventStreamOptions options) {
  return EventStream(std::make_shared<Subscription>(session_, std::move(options)));
}

Task<void> Client::run() {
  return run_session(session_);
}

void Client::close() noexcept {
  session_->close();
}

}  // namespace vmfleet::qmp
