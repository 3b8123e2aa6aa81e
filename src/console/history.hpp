// SPDX-License-Identifier: MIT
// History: the last lines of a console, for evidence. Private to this room.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "console/escape_filter.hpp"

namespace vmfleet::console {

class History {
 public:
  void feed(std::string_view bytes) {
    for (const char byte : bytes) {
      if (!escapes_.passes(byte)) continue;
      if (byte == '\n') {
        end_line();
      } else if (open_.size() < kLongestLine) {
        open_.push_back(byte);
      }
    }
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all(lines_.begin(), lines_.end());
    if (!open_.empty()) all.push_back(open_);
    return all;
  }

 private:
  static constexpr std::size_t kMostLines = 99;
  static constexpr std::size_t kLongestLine = 512;

  void end_line() {
    if (!open_.empty()) lines_.push_back(std::move(open_));
    open_.clear();
    if (lines_.size() > kMostLines) lines_.pop_front();
  }

  EscapeFilter escapes_;
  std::string open_;
  std::deque<std::string> lines_;
};

}  // namespace vmfleet::console
