// SPDX-License-Identifier: MIT
// Monitor: one monitor of a fake QEMU, on a listening socket or on stdin and stdout.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "testkit/fake_qemu/script.hpp"

namespace vmfleet::testkit {

using Monotonic = std::chrono::steady_clock;

/// Serves one client at a time, as QEMU does: the next one waits in the listening socket.
class Monitor {
 public:
  /// On a listening socket.
  Monitor(UniqueFd listener, bool control, const Script& script);
  /// On stdin and stdout: always connected, never disturbed by the script.
  explicit Monitor(const Script& script);

  /// Descriptors to watch; none while nothing can be done.
  void add_polls(std::vector<pollfd>& polls) const;
  /// When something is due although no descriptor is ready.
  [[nodiscard]] std::optional<Monotonic::time_point> due() const;

  /// Accepts, reads and writes what is possible now.
  void serve();
  /// The next complete document, or what is wrong with it.
  std::optional<Result<json::Value>> next_request();

  void send(const json::Value& message);
  void send_raw(std::string_view bytes);
  /// Nothing is read, nor anything written, for this time.
  void pause(std::chrono::milliseconds duration);
  void close_client();
  /// Closes once so many more bytes were written.
  void close_after(std::size_t bytes) { bytes_left_ = bytes; }
  /// Writes what is pending, for at most a moment: the process is about to end.
  void drain();

  [[nodiscard]] bool control() const noexcept { return control_; }
  bool negotiated = false;

 private:
  void greet();
  void read_some();
  void write_some();
  [[nodiscard]] bool connected() const noexcept { return input_fd() >= 0; }
  [[nodiscard]] int input_fd() const noexcept { return stdio_ ? 0 : client_.get(); }
  [[nodiscard]] int output_fd() const noexcept { return stdio_ ? 1 : client_.get(); }

  const Script* script_;
  UniqueFd listener_;
  UniqueFd client_;
  bool control_;
  bool stdio_ = false;
  bool input_ended_ = false;
  std::string input_;
  std::string output_;
  std::optional<std::size_t> bytes_left_;
  Monotonic::time_point not_before_{};          // nothing happens earlier
  Monotonic::time_point not_written_before_{};  // nothing is written earlier
};

}  // namespace vmfleet::testkit
