// SPDX-License-Identifier: MIT
// Client: commands and events over one QMP connection.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <vmfleet/async/task.hpp>
#include <vmfleet/base/units.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/qmp/event_stream.hpp>
#include <vmfleet/qmp/message.hpp>

namespace vmfleet::qmp {

class Session;

struct ClientOptions {
  ClientOptions() = default;
  Milliseconds greeting_timeout{10'000};  ///< for each step of the handshake
  Milliseconds command_timeout{30'000};   ///< of commands that have none of their own
  bool out_of_band = false;               ///< ask for the "oob" capability where it is offered
  /// Whose state explains a timeout. Default: the socket's peer; wrong only for a connection made
  /// before the server itself listened on a socket that it inherited.
  std::optional<pid_t> peer_pid;
};

struct CommandOptions {
  CommandOptions() = default;
  std::optional<Milliseconds> timeout;
  bool out_of_band = false;  ///< run before the commands that wait; needs the capability
};

/// One connection to a QMP server.
///
/// Nothing runs in the background: whoever waits (for a reply or an event) reads for all, and hands
/// the reading on when it is served or cancelled. So a client is an ordinary movable value, needs
/// no task group, and leaves no task behind; the price is that nothing is read while nobody waits
/// (`run` waits for nothing).
/// *Threads*: its loop's own. *Lifetime*: destroying it closes the connection and fails what waits.
class Client {
 public:
  /// Connects, reads the greeting and negotiates capabilities.
  /// *Errors*: as `handshake`, and `not_found`, `disconnected` from connecting.
  static Task<Client> connect(std::filesystem::path socket,
                              ClientOptions options = ClientOptions());
  /// The same on a connected socket.
  /// *Errors*: `timed_out`, which says whether the peer is stopped, busy, or silent because its
  /// monitor serves another client; `disconnected`; `protocol` when the peer does not speak QMP.
  static Task<Client> handshake(UnixSocket socket, ClientOptions options = ClientOptions());

  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  [[nodiscard]] const Greeting& greeting() const noexcept;
  [[nodiscard]] std::optional<PeerCredentials> peer() const noexcept;

  /// The command's return value. Any number of commands may wait at once.
  ///
  /// *Errors*: a refusal with its kind by class (`not_found` for CommandNotFound and
  /// DeviceNotFound, else `unavailable`) and QEMU's words; `timed_out`, which says what the peer
  /// was doing; `disconnected`; `protocol` for every command in flight when the peer garbles its
  /// output. *Cancellation*: the command may still be carried out; its reply is ignored.
  Task<Value> execute(std::string command, Value arguments = Value(),
                      CommandOptions options = CommandOptions());
  /// The same, with a refusal as a value.
  Task<Reply> try_execute(std::string command, Value arguments = Value(),
                          CommandOptions options = CommandOptions());

  /// Events that arrive from now on. An event that no stream wants is not stored.
  EventStream events(EventStreamOptions options = EventStreamOptions());

  /// Reads until cancelled: for a client that lives long and often waits for nothing.
  /// *Errors*: why the connection ended.
  Task<void> run();

  /// Ends the connection: everything that waits fails with `disconnected`.
  void close() noexcept;

 private:
  explicit Client(std::shared_ptr<Session> session) noexcept;
  std::shared_ptr<Session> session_;
};

}  // namespace vmfleet::qmp
