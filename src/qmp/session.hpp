// SPDX-License-Identifier: MIT
// Session: one connection's state, shared by the client, its streams and the commands in flight.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <vmfleet/async/event.hpp>
#include <vmfleet/async/semaphore.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/qmp/client.hpp>
#include <vmfleet/qmp/framer.hpp>

#include "qmp/peer.hpp"

namespace vmfleet::qmp {

/// A task that waits for something to be read.
struct Waiter {
  void serve() noexcept {
    served = true;
    wake.set();
  }
  bool served = false;
  vmfleet::Event wake;  // served, or its turn to read
};

/// A command in flight; lives in the frame of the task that waits for it.
struct Pending : Waiter {
  explicit Pending(std::string name) : command(std::move(name)) {}
  void finish(Result<Reply> result) {
    outcome.emplace(std::move(result));
    serve();
  }
  std::string command;
  bool sent = false;
  std::optional<Result<Reply>> outcome;
};

class Session;

struct Subscription {
  Subscription(std::shared_ptr<Session> from, EventStreamOptions wanted);
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription();

  std::shared_ptr<Session> session;
  EventStreamOptions options;
  std::deque<Event> queue;
  std::size_t dropped = 0;
  Waiter* waiter = nullptr;
};

class Session {
 public:
  Session(UnixSocket socket, ClientOptions options);

  /// Reads the greeting, then asks for the capabilities.
  Task<void> negotiate();
  /// Forgets what was read, and skips what comes before each 0xFF byte. Commands are numbered from
  /// `first_id` on: the replies to those of an earlier user have other numbers.
  void skip_to_sentinel(std::uint64_t first_id);

  /// `prefix` is sent before the command's JSON.
  Task<Reply> execute(std::string command, Value arguments, CommandOptions options,
                      std::string prefix = std::string());
  Task<Event> next_event(Subscription& subscription);
  Task<void> run();
  void close();

  void add(Subscription& subscription) { subscriptions_.push_back(&subscription); }
  void remove(Subscription& subscription) noexcept;

  [[nodiscard]] const Greeting& greeting() const noexcept { return greeting_; }
  [[nodiscard]] const std::optional<PeerCredentials>& peer() const noexcept { return peer_; }

 private:
  class Turn;
  class InFlight;
  using Commands = std::unordered_map<std::uint64_t, Pending*>;

  Task<void> wait(Waiter& waiter);
  Task<void> read_and_dispatch();
  Task<void> read_more();
  Task<void> send_and_wait(Pending& pending, std::string line, TimePoint deadline);
  /// False when the peer did not take it in time, which ends the connection.
  Task<bool> write(const std::string& line, TimePoint deadline);

  void dispatch(Message message);
  void deliver(Greeting greeting);
  void deliver(Reply reply);
  void deliver(Event event);
  void deliver_without_id(Reply reply);
  void finish(Commands::iterator command, Reply reply);
  /// The peer broke the protocol: no command in flight can know whether its reply was lost.
  void distrust(const Error& why);
  void fail_commands(const Error& why);
  void end(const Error& why);

  [[nodiscard]] PeerWatch watch() const;
  [[nodiscard]] Error no_greeting(const PeerWatch& watch) const;
  [[nodiscard]] Error no_reply(const PeerWatch& watch, Milliseconds timeout) const;

  UnixSocket socket_;
  std::optional<PeerCredentials> peer_;
  ClientOptions options_;
  Framer framer_;
  std::vector<char> chunk_;
  bool reading_ = false;
  bool skipping_ = false;       // what comes before the first sentinel
  bool sentinels_ = false;      // each ends what an earlier user has left
  bool synchronising_ = false;  // errors are about what earlier users broke off
  std::list<Waiter*> waiters_;  // in the order of arrival
  Semaphore writing_{1};

  Greeting greeting_;
  Waiter* greeted_ = nullptr;  // while the greeting is expected
  std::uint64_t next_id_ = 1;
  Commands pending_;
  std::size_t abandoned_ = 0;  // sent, given up, and not answered yet
  bool ids_echoed_ = false;
  bool refused_unread_ = false;  // errors without id belong to a command that has failed already…
  std::uint64_t trusted_from_ = 0;  // …until the reply to this id or a later one
  std::vector<Subscription*> subscriptions_;
  std::optional<Error> ended_;
};

/// The server's queue of connections was full for so long. `socket`: where it listens.
Error not_connected(const PeerWatch& watch, Milliseconds timeout,
                    const std::filesystem::path& socket);

}  // namespace vmfleet::qmp
