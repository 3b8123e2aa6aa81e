// SPDX-License-Identifier: MIT
// AgentClient: the QEMU guest agent, which speaks QMP without a greeting over a lossy channel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/io/process.hpp>
#include <vmfleet/qmp/client.hpp>

namespace vmfleet::qmp {

/// Everything that it says comes from the guest and is hostile input.
/// *Lifetime*, *Threads*: as `Client`; nothing runs in the background.
/// *Source*: QEMU docs/interop/qemu-ga-ref (guest-sync-delimited).
class AgentClient {
 public:
  /// Sends a sentinel and a token, and skips what earlier users left in the channel.
  /// *Errors*: `timed_out` when no agent answers; `disconnected` when QEMU is gone.
  static Task<AgentClient> attach(UnixSocket socket, Milliseconds timeout);

  AgentClient(AgentClient&&) noexcept;
  AgentClient& operator=(AgentClient&&) noexcept;
  ~AgentClient();

  /// *Errors*, *Cancellation*: as `Client::execute`. After a timeout the channel can still be used:
  /// a late reply is ignored.
  Task<Value> execute(std::string command, Value arguments = Value(),
                      CommandOptions options = CommandOptions());
  Task<void> ping(Milliseconds timeout);
  /// The agent's version, "7.2.22".
  Task<std::string> version();

  /// Starts a program in the guest, whose output is kept there until its end; gives its number.
  /// `argv[0]` is looked up in the agent's PATH; `input` is its standard input.
  Task<std::int64_t> start(std::vector<std::string> argv, std::string input = {});
  /// What became of it, to be asked for once; empty while it runs.
  Task<std::optional<ProcessOutput>> outcome(std::int64_t process);

 private:
  explicit AgentClient(std::shared_ptr<Session> session) noexcept;
  std::shared_ptr<Session> session_;
};

}  // namespace vmfleet::qmp
