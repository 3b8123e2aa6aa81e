// SPDX-License-Identifier: MIT
// Framer: cuts a byte stream into top-level JSON messages, however the bytes arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <vmfleet/base/result.hpp>

namespace vmfleet::qmp {

/// What one message may cost. The defaults are QEMU's own limits for what it reads.
/// *Source*: QEMU qobject/json-streamer.c (MAX_TOKEN_SIZE, MAX_NESTING).
struct FramerLimits {
  FramerLimits() = default;
  std::size_t message_bytes = std::size_t{64} << 20;
  std::size_t nesting = 1024;
};

/// Finds where each message ends by counting brackets outside strings; what is inside is for
/// `decode`. The result does not depend on how the stream was cut into chunks, and no byte is
/// scanned twice. Copies are independent.
class Framer {
 public:
  explicit Framer(FramerLimits limits = FramerLimits());

  /// Takes more of the stream; the bytes are copied.
  void feed(std::string_view bytes);

  /// The first complete message (an object or an array), the same one until `pop`; nothing when
  /// more bytes are needed.
  /// *Errors*: `protocol`, as a value, for bytes that belong to no message (with their offset in
  /// the stream); reading goes on behind the next newline.
  /// *Lifetime*: the text is valid until the next `feed` or `pop`.
  std::optional<Result<std::string_view>> front();
  void pop();

  /// The bytes of what has begun and not ended: what a peer said before it fell silent.
  [[nodiscard]] std::string_view pending() const noexcept;
  /// Where in the stream `pending()` starts: reading can be taken up again from there.
  [[nodiscard]] std::uint64_t offset() const noexcept { return base_ + start_; }
  /// Memory held for bytes.
  [[nodiscard]] std::size_t capacity() const noexcept { return buffer_.capacity(); }

 private:
  enum class State : std::uint8_t { between, structure, string, escape, stray, skip, complete };

  void scan();
  void scan_between();
  void scan_structure();
  void scan_string();
  void scan_escaped();
  void scan_stray();
  void skip_line();
  void complete();
  void refuse(std::size_t at, std::string_view why);
  void compact();

  FramerLimits limits_;
  std::string buffer_;
  std::uint64_t base_ = 0;  // stream offset of buffer_[0]
  std::size_t start_ = 0;   // of the message, or of the stray bytes
  std::size_t cursor_ = 0;  // everything before it has been scanned
  std::size_t depth_ = 0;
  State state_ = State::between;
  std::optional<Error> refused_;
};

}  // namespace vmfleet::qmp
