// SPDX-License-Identifier: MIT
// Pattern and PatternSet: what to look for on a console, compiled once and shared by many matchers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace vmfleet::console {

struct CompiledPatterns;

/// A literal text, or a regular expression that is applied to single lines.
class Pattern {
 public:
  enum class Kind { literal, regex };

  /// Found anywhere, byte by byte; it may contain a newline.
  static Pattern literal(std::string text) { return {Kind::literal, std::move(text)}; }
  /// RE2's syntax over bytes: `^` and `$` are a line's ends, `.` is one byte, and UTF-8 text in it
  /// stands for its bytes.
  static Pattern regex(std::string expression) { return {Kind::regex, std::move(expression)}; }

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  Pattern(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  Kind kind_;
  std::string text_;
};

/// Many patterns compiled into one set. Immutable; copies share it.
///
/// *Threads*: may be used by matchers on several threads at once.
class PatternSet {
 public:
  /// *Errors*: `invalid_config` for an empty pattern or a bad expression, naming the pattern, the
  /// character and RE2's reason.
  explicit PatternSet(std::vector<Pattern> patterns);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] const Pattern& operator[](std::size_t index) const noexcept;
  [[nodiscard]] const CompiledPatterns& compiled() const noexcept { return *compiled_; }

 private:
  std::shared_ptr<const CompiledPatterns> compiled_;
};

}  // namespace vmfleet::console
