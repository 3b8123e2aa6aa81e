// SPDX-License-Identifier: MIT
// QemuSession: QEMU, real or fake, on the wires that vmfleet gives it, without any of vmfleet's
// policy.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/json.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/io/unix_socket.hpp>

#include "tests/support/temp_dir.hpp"

namespace vmfleet::test {

struct SessionOptions {
  SessionOptions() = default;
  explicit SessionOptions(std::string guest_name) : guest(std::move(guest_name)) {}

  std::string guest = "marker";
  std::string append;
  std::string machine = "q35";
  std::vector<std::string> arguments;    ///< added to the command line
  std::vector<std::string> environment;  ///< added to ours
};

/// The program under test: each test executable that uses sessions defines it.
std::filesystem::path qemu_under_test();

/// Starts paused, as vmfleet does. The process dies with the session.
class QemuSession {
 public:
  QemuSession(Loop& loop, const SessionOptions& options);

  /// Connects to the control socket and negotiates.
  Task<void> connect();
  /// `connect`, then `cont`.
  Task<void> start();
  /// The reply to one command, without what came before it.
  Task<json::Value> command(std::string execute, json::Object arguments = json::Object());
  /// Sends these bytes as they are and gives the next message that is no event.
  Task<json::Value> exchange(std::string bytes);
  /// One line of the control socket, without its end; "" at the end of the stream.
  Task<std::string> read_line();
  /// The next event of this name in the event log.
  Task<json::Value> event(std::string name);
  /// Waits until the serial log contains the text; gives the whole log.
  Task<std::string> serial_until(std::string text);
  void type(std::string_view text);
  Task<ExitStatus> wait() { return process_.wait(); }

  [[nodiscard]] Process& process() noexcept { return process_; }
  [[nodiscard]] std::string standard_error() const;
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return folder_ / name; }

 private:
  Process spawn(const SessionOptions& options);

  Loop* loop_;
  TempDir folder_;
  UniqueFd serial_in_;
  UniqueFd events_in_;
  Process process_;
  std::optional<UnixSocket> control_;
  std::string received_;
  FileTail serial_;
  std::string serial_text_;
  FileTail events_;
  std::string event_lines_;
};

}  // namespace vmfleet::test
