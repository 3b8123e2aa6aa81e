// SPDX-License-Identifier: MIT
// Finding where escape sequences end.
#include "cli/escapes.hpp"

namespace vmfleet::cli {

namespace {

constexpr char kEscape = '\x1b';
// A longer one is no sequence that any program sends.
constexpr std::size_t kLongest = 1024;

enum class Form { whole, unfinished, none };

struct Sequence {
  Form form;
  std::size_t length;
};

bool in(char c, char from, char to) noexcept {
  return c >= from && c <= to;
}

// Parameters, intermediates, one final byte: what follows ESC [, and with no parameters ESC itself.
Sequence control(std::string_view text, std::size_t at, char first_final) noexcept {
  if (first_final == '@') {
    while (at < text.size() && in(text[at], '0', '?')) ++at;
  }
  while (at < text.size() && in(text[at], ' ', '/')) ++at;
  if (at == text.size()) return {Form::unfinished, at};
  return {in(text[at], first_final, '~') ? Form::whole : Form::none, at + 1};
}

// Text up to BEL or ESC \: a window's title, for example.
Sequence string(std::string_view text) noexcept {
  for (std::size_t at = 2; at < text.size(); ++at) {
    if (text[at] == '\a') return {Form::whole, at + 1};
    if (text[at] != kEscape) continue;
    if (at + 1 == text.size()) return {Form::unfinished, at};
    return {text[at + 1] == '\\' ? Form::whole : Form::none, at + 2};
  }
  return {Form::unfinished, text.size()};
}

/// The sequence that begins with the ESC at the start of `text`.
Sequence sequence_at(std::string_view text) noexcept {
  text = text.substr(0, kLongest + 1);
  Sequence found{Form::unfinished, text.size()};
  if (text.size() > 1) {
    if (text[1] == '[') {
      found = control(text, 2, '@');
    } else if (std::string_view("]PX^_").find(text[1]) != std::string_view::npos) {
      found = string(text);
    } else {
      found = control(text, 1, '0');
    }
  }
  if (found.form == Form::unfinished && text.size() > kLongest) found.form = Form::none;
  return found;
}

}  // namespace

std::string strip_escapes(std::string_view text) {
  std::string stripped;
  while (!text.empty()) {
    const auto at = text.find(kEscape);
    stripped += text.substr(0, at);
    if (at == std::string_view::npos) break;
    text.remove_prefix(at);
    const Sequence sequence = sequence_at(text);
    const bool whole = sequence.form == Form::whole;
    if (!whole) stripped += kEscape;
    text.remove_prefix(whole ? sequence.length : 1);
  }
  return stripped;
}

std::size_t unfinished_escape(std::string_view text) noexcept {
  for (auto at = text.find(kEscape); at != std::string_view::npos; at = text.find(kEscape, at)) {
    const Sequence sequence = sequence_at(text.substr(at));
    if (sequence.form == Form::unfinished) return text.size() - at;
    at += sequence.form == Form::whole ? sequence.length : 1;
  }
  return 0;
}

}  // namespace vmfleet::cli
