// SPDX-License-Identifier: MIT
// Framer: one pass over the bytes, by a state machine whose state is a few integers.
#include <vmfleet/qmp/framer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet::qmp {

namespace {

constexpr std::size_t kShown = 120;                  // bytes quoted in an error
constexpr std::size_t kKept = std::size_t{1} << 20;  // a larger buffer is given back
constexpr std::uint64_t kOnes = 0x0101010101010101;  // a byte times this is in every lane
constexpr std::uint64_t kHighBits = 0x8080808080808080;

constexpr bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

constexpr bool ends_string_run(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

constexpr std::uint64_t below(std::uint64_t lanes, std::uint64_t limit) {
  return (lanes - kOnes * limit) & ~lanes & kHighBits;
}

/// The first quote, backslash or control character, eight bytes at a time.
const char* find_string_end(const char* at, const char* end) {
  for (; end - at >= 8; at += 8) {
    std::uint64_t lanes = 0;
    std::memcpy(&lanes, at, sizeof lanes);
    const std::uint64_t hits =
        below(lanes, 0x20) | below(lanes ^ (kOnes * '"'), 1) | below(lanes ^ (kOnes * '\\'), 1);
    if (hits == 0) continue;
    // Lanes above the first hit may be wrong hits by its borrow; the first is always right.
    if (std::endian::native == std::endian::little) return at + std::countr_zero(hits) / 8;
    break;
  }
  return std::find_if(at, end, ends_string_run);
}

constexpr auto kStructural = [] {
  std::array<bool, 256> table{};
  for (const char c : {'{', '}', '[', ']', '"'}) table[static_cast<unsigned char>(c)] = true;
  return table;
}();

}  // namespace

Framer::Framer(FramerLimits limits) : limits_(limits) {}

void Framer::feed(std::string_view bytes) {
  compact();
  buffer_.append(bytes);
}

std::optional<Result<std::string_view>> Framer::front() {
  scan();
  if (refused_) return Result<std::string_view>(*refused_);
  if (state_ != State::complete) return std::nullopt;
  return Result(std::string_view(buffer_).substr(start_, cursor_ - start_));
}

void Framer::pop() {
  if (refused_) {
    refused_.reset();
    return;
  }
  if (state_ != State::complete) return;
  const bool large = cursor_ - start_ > kKept;
  start_ = cursor_;
  state_ = State::between;
  if (large) compact();
}

std::string_view Framer::pending() const noexcept {
  if (state_ == State::between || state_ == State::skip) return {};
  return std::string_view(buffer_).substr(start_);
}

void Framer::scan() {
  while (!refused_ && state_ != State::complete && cursor_ < buffer_.size()) {
    switch (state_) {
      case State::between:
        scan_between();
        break;
      case State::structure:
        scan_structure();
        break;
      case State::string:
        scan_string();
        break;
      case State::escape:
        scan_escaped();
        break;
      case State::stray:
        scan_stray();
        break;
      case State::skip:
        skip_line();
        break;
      case State::complete:
        break;
    }
    const bool inside =
        state_ == State::structure || state_ == State::string || state_ == State::escape;
    if (inside && cursor_ - start_ > limits_.message_bytes) refuse(cursor_, "");
  }
}

void Framer::scan_between() {
  while (cursor_ < buffer_.size() && is_space(buffer_[cursor_])) ++cursor_;
  start_ = cursor_;
  if (cursor_ == buffer_.size()) return;
  const char c = buffer_[cursor_];
  depth_ = 0;
  state_ = c == '{' || c == '[' ? State::structure : State::stray;
}

void Framer::scan_structure() {
  const char* const begin = buffer_.data();
  const char* const end = begin + buffer_.size();
  const char* at = begin + cursor_;
  for (;;) {
    while (at != end && !kStructural[static_cast<unsigned char>(*at)]) ++at;
    cursor_ = static_cast<std::size_t>(at - begin);
    if (at == end) return;
    const char c = *at++;
    if (c == '"') {
      at = find_string_end(at, end);
      if (at != end && *at == '"') {  // most strings: all of it is here, and nothing escaped
        ++at;
        continue;
      }
      cursor_ = static_cast<std::size_t>(at - begin);
      state_ = State::string;
      return;
    }
    if (c == '{' || c == '[') {
      if (depth_ == limits_.nesting) return refuse(cursor_, "nested too deeply");
      ++depth_;
    } else if (--depth_ == 0) {
      ++cursor_;
      return complete();
    }
  }
}

void Framer::scan_string() {
  const char* const begin = buffer_.data();
  const char* const end = begin + buffer_.size();
  const char* const at = find_string_end(begin + cursor_, end);
  cursor_ = static_cast<std::size_t>(at - begin);
  if (at == end) return;
  // A raw control character cannot be inside a string: the text before it was cut short.
  if (*at != '"' && *at != '\\') return refuse(cursor_, "a control character inside a string");
  ++cursor_;
  state_ = *at == '"' ? State::structure : State::escape;
}

void Framer::scan_escaped() {
  state_ = State::string;
  // A control character is left for the string, which refuses it.
  if (static_cast<unsigned char>(buffer_[cursor_]) >= 0x20) ++cursor_;
}

/// Waits for enough of the stray bytes to quote them, so that the error does not depend on chunks.
void Framer::scan_stray() {
  const std::size_t shown = std::min(buffer_.size() - start_, kShown);
  const auto newline = std::string_view(buffer_).substr(start_, shown).find('\n');
  cursor_ = start_ + std::min(newline, shown);
  if (newline == std::string_view::npos && shown < kShown) return;
  refuse(start_, "bytes that belong to no message");
}

void Framer::skip_line() {
  const auto newline = buffer_.find('\n', cursor_);
  cursor_ = std::min(newline, buffer_.size());
  start_ = cursor_;
  if (newline != std::string::npos) state_ = State::between;
}

void Framer::complete() {
  if (cursor_ - start_ > limits_.message_bytes) return refuse(cursor_, "");
  state_ = State::complete;
}

/// Whatever is wrong behind the size limit is reported as too large, for any cut into chunks.
void Framer::refuse(std::size_t at, std::string_view why) {
  std::string message;
  if (at - start_ >= limits_.message_bytes) {
    at = start_ + limits_.message_bytes;
    message = fmt::format("a message of more than {} bytes", limits_.message_bytes);
  } else {
    message = std::string(why);
  }
  const std::string_view seen = std::string_view(buffer_).substr(start_);
  const std::size_t line = at == start_ ? seen.find('\n') : at - start_;
  refused_ =
      Error(ErrorKind::protocol, fmt::format("{} (at byte {} of the stream)", message, base_ + at))
          .evidence(sanitize(seen.substr(0, std::min(line, kShown))));
  cursor_ = at;
  start_ = at;
  state_ = State::skip;
}

void Framer::compact() {
  const std::size_t left = buffer_.size() - start_;
  if (start_ == 0 || start_ < left) return;  // moving less than was consumed keeps it linear
  if (buffer_.capacity() > kKept && left < kKept) {
    std::string(buffer_, start_).swap(buffer_);  // assignment would keep the old memory
  } else {
    buffer_.erase(0, start_);
  }
  base_ += start_;
  cursor_ -= start_;
  start_ = 0;
}

}  // namespace vmfleet::qmp
