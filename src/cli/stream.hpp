// SPDX-License-Identifier: MIT
// Stream: stdout or stderr, and what is known of the terminal behind it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "cli/globals.hpp"

namespace vmfleet::cli {

/// Nobody reads stdout any more: the command ends quietly.
struct OutputClosed {};

struct TerminalSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

/// Written through at once, by blocking writes: what was said is out before the next thing happens.
class Stream {
 public:
  Stream(int fd, ColorMode color) noexcept;

  /// *Errors*: `OutputClosed` when the reader left; `unavailable` (a full disk, say).
  void write(std::string_view text) const;
  /// The same where nothing can be done about a failure.
  void try_write(std::string_view text) const noexcept;

  [[nodiscard]] bool is_terminal() const noexcept { return terminal_; }
  /// A terminal on which the cursor can be moved.
  [[nodiscard]] bool is_drawable() const noexcept { return terminal_ && !dumb_; }
  [[nodiscard]] bool colored() const noexcept { return colored_; }
  [[nodiscard]] TerminalSize size() const noexcept;

  /// `text` in the colour of an SGR sequence such as "31", or as it is.
  [[nodiscard]] std::string paint(std::string_view text, std::string_view color) const;

 private:
  int fd_;
  bool terminal_;
  bool dumb_;
  bool colored_;
};

inline constexpr std::string_view kRed = "31";
inline constexpr std::string_view kGreen = "32";
inline constexpr std::string_view kYellow = "33";
inline constexpr std::string_view kBold = "1";
inline constexpr std::string_view kFaint = "2";

}  // namespace vmfleet::cli
