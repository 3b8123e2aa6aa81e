// SPDX-License-Identifier: MIT
// A QMP server on the test's own loop, which says what the test tells it to.
#pragma once

#include <sys/socket.h>

#include <string>
#include <utility>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qmp/client.hpp>
#include <vmfleet/qmp/framer.hpp>

namespace vmfleet::qmp::test {

inline constexpr const char* kGreeting =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""},)"
    R"( "capabilities": ["oob"]}})"
    "\r\n";

inline std::pair<UniqueFd, UniqueFd> socket_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class Server {
 public:
  explicit Server(UnixSocket socket) : socket_(std::move(socket)) {}

  Task<void> say(std::string text) { co_await socket_.write(text); }

  /// The next command; null when the client is gone.
  Task<Value> hear() {
    std::vector<char> chunk(4096);
    for (;;) {
      if (const auto front = framer_.front()) {
        Value command = json::parse(**front).value();
        framer_.pop();
        co_return command;
      }
      const std::size_t count = co_await socket_.read(chunk);
      if (count == 0) co_return Value();
      framer_.feed(std::string_view(chunk.data(), count));
    }
  }

  Task<void> answer(Value command, Value result) {
    json::Object reply;
    reply.append("return", std::move(result));
    reply.append("id", command["id"]);
    co_await say(json::write(Value(std::move(reply))) + "\r\n");
  }

  Task<void> refuse(Value command, std::string error_class, std::string description) {
    json::Object error;
    error.append("class", std::move(error_class));
    error.append("desc", std::move(description));
    json::Object reply;
    reply.append("error", std::move(error));
    reply.append("id", command["id"]);
    co_await say(json::write(Value(std::move(reply))) + "\r\n");
  }

  Task<void> event(std::string name) {
    co_await say(R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": ")" + name + "\"}\n");
  }

  /// Greeting and capabilities.
  Task<void> greet() {
    co_await say(kGreeting);
    Value command = co_await hear();
    co_await answer(std::move(command), Value(json::Object()));
  }

  void close() { socket_.close(); }
  UnixSocket& socket() { return socket_; }

 private:
  UnixSocket socket_;
  Framer framer_;
};

/// Answers every command with its own arguments until the client leaves.
inline Task<void> echo(Server& server) {
  for (;;) {
    const Value command = co_await server.hear();
    if (command.is_null()) co_return;
    co_await server.answer(command, command["arguments"]);
  }
}

inline Value numbered(int number) {
  json::Object arguments;
  arguments.append("n", number);
  return arguments;
}

inline CommandOptions within(Milliseconds timeout) {
  CommandOptions options;
  options.timeout = timeout;
  return options;
}

/// Runs `serve(UnixSocket)`, from the greeting on, beside `use(Client&)` over a connected pair.
template <class Serve, class Use>
void converse_from_greeting(Serve serve, Use use, ClientOptions options = ClientOptions()) {
  Loop loop;
  auto both = [&](TaskGroup& group) -> Task<void> {
    auto ends = socket_pair();
    group.start(serve, UnixSocket::adopt(loop, std::move(ends.second)));
    Client client =
        co_await Client::handshake(UnixSocket::adopt(loop, std::move(ends.first)), options);
    co_await use(client);
  };
  // Nothing here takes long: a test that waits for what never comes fails instead of hanging.
  loop.run(with_timeout(Milliseconds(60'000), with_task_group(both)));
}

/// Runs `serve(Server&)`, after the greeting, beside `use(Client&)`.
template <class Serve, class Use>
void converse(Serve serve, Use use, ClientOptions options = ClientOptions()) {
  auto run_server = [&serve](UnixSocket socket) -> Task<void> {
    Server server(std::move(socket));
    co_await server.greet();
    co_await serve(server);
  };
  converse_from_greeting(run_server, use, options);
}

/// What a task failed with.
template <class T>
Task<std::optional<Error>> failure_of(Task<T> task) {
  try {
    co_await std::move(task);
  } catch (const Error& error) {
    co_return error;
  }
  co_return std::nullopt;
}

}  // namespace vmfleet::qmp::test
