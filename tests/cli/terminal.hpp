// SPDX-License-Identifier: MIT
// Terminal: the program on a pseudo-terminal, as in front of a person.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>

#include <vmfleet/base/unique_fd.hpp>

#include "tests/cli/program.hpp"

namespace vmfleet::test {

class Terminal {
 public:
  Terminal(const Vmfleet& world, Words arguments, unsigned short rows = 24,
           unsigned short columns = 80);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  /// Reads on until `text` has come after the last text that was waited for. Fails the test when
  /// the program ends without it, or after two minutes.
  void wait_for(const std::string& text);
  void signal(int number) const;
  /// Types until `text` has come after the last text that was waited for.
  void type_until(const std::string& keys, const std::string& text);
  /// Types on the keyboard: "\x03" is Ctrl-C.
  void type(const std::string& keys) const;
  /// Waits for its end, and reads the rest. 128 and the signal's number when a signal ended it.
  int wait();

  [[nodiscard]] const std::string& output() const noexcept { return output_; }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// The last thing that was said about the cursor is that it is shown.
  [[nodiscard]] bool cursor_is_shown() const;
  /// The terminal's modes are those that it began with.
  [[nodiscard]] bool modes_are_unchanged() const;

 private:
  enum class Read { some, nothing_yet, end };
  Read read_within(int milliseconds);
  bool read_more();
  bool has_come(const std::string& text);

  UniqueFd master_;
  pid_t pid_ = -1;
  int code_ = -1;
  termios modes_{};
  std::string output_;
  std::size_t seen_ = 0;
};

}  // namespace vmfleet::test
