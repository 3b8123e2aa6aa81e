// SPDX-License-Identifier: MIT
// LogLines: guest output, in any pieces, as lines fit to be shown.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmfleet::cli {

struct LogFormat {
  LogFormat() = default;
  std::string machine;
  std::string prefix;       // before each line
  bool json = false;        // each line an object
  bool raw = false;         // bytes as the guest wrote them
  bool timestamps = false;  // when each line was read
  bool open_lines = false;  // show a line before its end has come
};

/// One machine's output. Pure: gives the text to print.
class LogLines {
 public:
  explicit LogLines(LogFormat format) : format_(std::move(format)) {}

  /// `time` is when the bytes were read; absent for those that were there before.
  std::string feed(std::string_view bytes, const std::optional<std::string>& time);
  /// The last line, if its end never came.
  std::string finish();

 private:
  void line(std::string_view text);
  void begin_line();
  void show(std::string_view text);
  void flush_open_line();

  LogFormat format_;
  std::string pending_;
  std::string out_;
  std::optional<std::string> time_;
  bool at_line_start_ = true;
};

/// RFC 3339 in UTC with milliseconds.
std::string timestamp_now();

}  // namespace vmfleet::cli
