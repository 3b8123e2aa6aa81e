// SPDX-License-Identifier: MIT
// EventLog: reads the file that a QMP monitor on QEMU's stdout appends to.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <vmfleet/qmp/framer.hpp>
#include <vmfleet/qmp/message.hpp>

namespace vmfleet::qmp {

/// Turns the file's bytes, in any chunks, into events. Pure: whoever tails the file feeds it.
class EventLog {
 public:
  /// `offset`: where in the file the first chunk begins, an earlier `offset()` or 0.
  explicit EventLog(std::uint64_t offset = 0) : start_(offset) {}

  /// The events that are complete with this chunk.
  std::vector<Event> feed(std::string_view chunk);

  /// Of the greeting at the head of the file, once it was read.
  [[nodiscard]] const std::optional<Greeting>& greeting() const noexcept { return greeting_; }
  /// Capabilities are negotiated: events are being recorded from here on.
  [[nodiscard]] bool recording() const noexcept { return recording_; }
  /// Stretches of bytes that were no message, and the last of them; reading goes on behind it.
  [[nodiscard]] std::size_t faults() const noexcept { return faults_; }
  [[nodiscard]] const std::optional<Error>& last_fault() const noexcept { return last_fault_; }
  /// Everything before it was taken: a later reader can begin here.
  [[nodiscard]] std::uint64_t offset() const noexcept { return start_ + framer_.offset(); }

 private:
  void fault(const Error& error);

  std::uint64_t start_;
  Framer framer_;
  std::optional<Greeting> greeting_;
  bool recording_ = false;
  std::size_t faults_ = 0;
  std::optional<Error> last_fault_;
};

}  // namespace vmfleet::qmp
