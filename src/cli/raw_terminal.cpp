// SPDX-License-Identifier: MIT
// Terminal modes.
#include "cli/raw_terminal.hpp"

namespace vmfleet::cli {

RawTerminal::RawTerminal(int fd) noexcept : fd_(fd) {
  termios modes{};
  if (::tcgetattr(fd, &modes) != 0) return;
  before_ = modes;
  ::cfmakeraw(&modes);
  ::tcsetattr(fd, TCSADRAIN, &modes);
}

RawTerminal::~RawTerminal() {
  // What was typed and not read was meant for the guest, not for the shell.
  if (before_) ::tcsetattr(fd_, TCSAFLUSH, &*before_);
}

}  // namespace vmfleet::cli
