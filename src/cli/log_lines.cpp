// SPDX-License-Identifier: MIT
// Lines of guest output.
#include "cli/log_lines.hpp"

#include <chrono>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <vmfleet/base/json.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/base/utf8.hpp>

#include "cli/escapes.hpp"

namespace vmfleet::cli {

namespace {

// A guest that never ends its line must not fill our memory.
constexpr std::size_t kLongestLine = 64 * 1024;

// Of an unfinished line, what must wait for more: a carriage return that may belong to the line's
// end, the beginning of an escape sequence, the first bytes of a character.
std::size_t unfinished_bytes(std::string_view text) {
  if (!text.empty() && text.back() == '\r') return 1;
  if (const std::size_t escape = unfinished_escape(text); escape > 0) return escape;
  for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length) {
    const auto byte = static_cast<unsigned char>(text[text.size() - length]);
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    const std::size_t whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length < whole ? length : 0;
  }
  return 0;
}

}  // namespace

std::string LogLines::feed(std::string_view bytes, const std::optional<std::string>& time) {
  time_ = time;
  if (format_.raw && format_.prefix.empty() && !format_.json && !format_.timestamps) {
    return std::string(bytes);
  }
  pending_ += bytes;
  std::size_t begin = 0;
  for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', begin)) {
    line(std::string_view(pending_).substr(begin, end - begin));
    begin = end + 1;
  }
  pending_.erase(0, begin);
  if (pending_.size() > kLongestLine) line(std::exchange(pending_, ""));
  if (format_.open_lines && !format_.json) flush_open_line();
  return std::exchange(out_, "");
}

std::string LogLines::finish() {
  if (!pending_.empty() || !at_line_start_) line(std::exchange(pending_, ""));
  return std::exchange(out_, "");
}

void LogLines::line(std::string_view text) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (format_.json) {
    json::Object object;
    object.set("machine", format_.machine);
    if (time_) object.set("time", *time_);
    object.set("line", text);
    out_ += json::write(std::move(object)) + "\n";
    return;
  }
  show(text);
  begin_line();
  out_ += '\n';
  at_line_start_ = true;
}

void LogLines::begin_line() {
  if (!at_line_start_) return;
  at_line_start_ = false;
  out_ += format_.prefix;
  if (format_.timestamps) out_ += fmt::format("{:<24} ", time_.value_or("-"));
}

void LogLines::show(std::string_view text) {
  if (text.empty()) return;
  begin_line();
  out_ += format_.raw ? std::string(text) : sanitize(strip_escapes(text));
}

void LogLines::flush_open_line() {
  const std::size_t whole = pending_.size() - unfinished_bytes(pending_);
  show(std::string_view(pending_).substr(0, whole));
  pending_.erase(0, whole);
}

std::string timestamp_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(static_cast<std::time_t>(ms / 1000)), ms % 1000);
}

}  // namespace vmfleet::cli
