// SPDX-License-Identifier: MIT
// Matcher: feeds its three views.
#include <vmfleet/console/matcher.hpp>

#include <optional>

#include "console/compiled_patterns.hpp"
#include "console/escape_filter.hpp"
#include "console/findings.hpp"
#include "console/kernel_record.hpp"
#include "console/utf8_filter.hpp"
#include "console/view.hpp"

namespace vmfleet::console {
namespace {

/// The bytes as they are. A carriage return on its own starts a line anew, as a progress bar does.
class RawText {
 public:
  explicit RawText(View view) : view_(std::move(view)) {}

  void put(char byte, std::uint64_t offset) {
    if (byte == '\r') {
      returned_ = true;
      view_.put_unseen(byte, offset);
      return;
    }
    if (returned_ && byte != '\n') view_.break_line(offset);
    returned_ = false;
    view_.put(byte, offset);
  }
  View& view() noexcept { return view_; }

 private:
  View view_;
  bool returned_ = false;
};

/// Text that is well-formed UTF-8.
class CleanText {
 public:
  explicit CleanText(View view) : view_(std::move(view)) {}

  void put(char byte, std::uint64_t offset) {
    for (const auto& text : utf8_.put(byte, offset)) view_.put(text.value, text.offset);
  }

  struct Place {
    View::Place view;
    Utf8Filter utf8;
  };
  Place place() { return {view_.place(), utf8_}; }
  void return_to(const Place& place) {
    view_.return_to(place.view);
    utf8_ = place.utf8;
  }
  View& view() noexcept { return view_; }

 private:
  View view_;
  Utf8Filter utf8_;
};

/// Clean text without kernel records. A byte that may begin a record counts as text until it is
/// known to be one: a pattern's last byte must not wait for what comes after it.
class ProgramText {
 public:
  explicit ProgramText(View view) : text_(std::move(view)), before_record_{text_.place()} {}

  void put(char byte, std::uint64_t offset) {
    switch (record_.put(byte)) {
      case KernelRecord::Step::may_begin:
        before_record_ = text_.place();
        break;
      case KernelRecord::Step::confirmed:
        text_.return_to(before_record_);
        return;
      case KernelRecord::Step::inside:
        return;
      case KernelRecord::Step::undecided:
      case KernelRecord::Step::outside:
        break;
    }
    text_.put(byte, offset);
  }
  View& view() noexcept { return text_.view(); }

 private:
  CleanText text_;
  KernelRecord record_;
  CleanText::Place before_record_;
};

}  // namespace

struct Matcher::State {
  State(PatternSet set, std::uint64_t start)
      : patterns(std::move(set)),
        findings(patterns.size()),
        clean(View(patterns.compiled(), findings)),
        raw(View(patterns.compiled(), findings, &clean.view())),
        program(View(patterns.compiled(), findings, &clean.view())),
        offset(start) {}

  void put(char byte) {
    if (escapes.passes(byte)) {
      clean.put(byte, offset);
      program.put(byte, offset);
    }
    raw.put(byte, offset);
    ++offset;
  }

  PatternSet patterns;
  Findings findings;
  CleanText clean;
  RawText raw;
  ProgramText program;
  EscapeFilter escapes;
  ScanCredit credit;
  std::uint64_t offset;
};

Matcher::Matcher(PatternSet patterns, std::uint64_t offset)
    : state_(std::make_unique<State>(std::move(patterns), offset)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

std::vector<Match> Matcher::feed(std::string_view bytes) {
  State& state = *state_;
  for (const char byte : bytes) state.put(byte);
  state.credit.earn(bytes.size());
  state.clean.view().scan_open_line(state.credit);
  state.raw.view().scan_open_line(state.credit);
  state.program.view().scan_open_line(state.credit);
  return state.findings.take();
}

std::vector<Match> Matcher::at_rest() {
  state_->clean.view().scan_at_rest();
  state_->raw.view().scan_at_rest();
  state_->program.view().scan_at_rest();
  return state_->findings.take();
}

void Matcher::restart(std::uint64_t offset) {
  state_ = std::make_unique<State>(state_->patterns, offset);
}

std::uint64_t Matcher::offset() const noexcept {
  return state_->offset;
}

const PatternSet& Matcher::patterns() const noexcept {
  return state_->patterns;
}

}  // namespace vmfleet::console
