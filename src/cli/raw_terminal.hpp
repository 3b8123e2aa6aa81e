// SPDX-License-Identifier: MIT
// RawTerminal: the keyboard's keys as they are pressed, for as long as this lives.
#pragma once

#include <termios.h>

#include <optional>

namespace vmfleet::cli {

class RawTerminal {
 public:
  /// Does nothing when `fd` is no terminal.
  explicit RawTerminal(int fd) noexcept;
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  /// The modes are what they were.
  ~RawTerminal();

 private:
  int fd_;
  std::optional<termios> before_;
};

}  // namespace vmfleet::cli
