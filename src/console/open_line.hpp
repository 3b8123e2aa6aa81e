// SPDX-License-Identifier: MIT
// OpenLine: the last line of a view, with the place of each of its bytes in the raw stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace vmfleet::console {

class OpenLine {
 public:
  void append(char byte, std::uint64_t offset) {
    if (length() == 0) offset_ = offset;
    if (offset != next_ || runs_.empty()) runs_.push_back({text_.size(), offset});
    next_ = offset + 1;
    text_.push_back(byte);
  }
  /// The line ends here, which is also the place of an empty one.
  void end_at(std::uint64_t offset) noexcept;
  /// Back to an earlier length of the same line.
  void return_to(std::size_t length);
  /// Forgets all but the last `size` bytes.
  void keep_last(std::size_t size);
  void clear() noexcept;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
  /// Counts what was forgotten too.
  [[nodiscard]] std::size_t length() const noexcept { return forgotten_ + text_.size(); }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// Whether the line's beginning was forgotten.
  [[nodiscard]] bool cut() const noexcept { return forgotten_ > 0; }
  /// Where the line began, which `keep_last` does not change; of an empty one, where it ended.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  /// The place just after the first `size` bytes.
  [[nodiscard]] std::uint64_t end_of(std::size_t size) const noexcept;

  /// The same bytes of the stream.
  friend bool operator==(const OpenLine& a, const OpenLine& b) noexcept {
    return a.size() == b.size() && a.runs_ == b.runs_;
  }

 private:
  /// Bytes from `index` on that are next to each other in the stream too.
  struct Run {
    std::size_t index;
    std::uint64_t offset;
    bool operator==(const Run&) const = default;
  };

  std::string text_;
  std::vector<Run> runs_;
  std::uint64_t offset_ = 0;
  std::uint64_t next_ = 0;  // after the last byte
  std::size_t forgotten_ = 0;
};

}  // namespace vmfleet::console
