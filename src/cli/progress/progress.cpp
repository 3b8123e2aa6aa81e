// SPDX-License-Identifier: MIT
// Progress as lines: in words, as JSON, or not at all.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "cli/progress/board.hpp"
#include "cli/progress/live.hpp"
#include "cli/progress/progress.hpp"

namespace vmfleet::cli {

namespace {

Task<void> nothing() {
  co_return;
}

class SilentProgress final : public Progress {
 public:
  void tell(const ProgressEvent&) override {}
  Task<void> animate() override { return nothing(); }
  void finish() override {}
};

/// A line for each change of state; with -v also for each step.
class PlainProgress final : public Progress {
 public:
  explicit PlainProgress(Context& context)
      : stream_(context.err), verbose_(context.globals.verbose) {}

  void tell(const ProgressEvent& event) override {
    const bool changed = board_.apply(event);
    if (!changed && !(verbose_ && !event.detail.empty())) return;
    if (event.machine.empty() && event.detail.empty()) return;
    const std::string detail = sanitize(event.detail);
    std::string line = fmt::format("[{:>7}] ", to_string(event.elapsed));
    if (event.machine.empty()) {
      line += detail;
    } else {
      line += fmt::format("{}: {}", event.machine,
                          stream_.paint(to_string(event.state), color_of(event.state)));
      if (!detail.empty() && detail != to_string(event.state)) line += ": " + detail;
    }
    stream_.try_write(line + "\n");
  }
  Task<void> animate() override { return nothing(); }
  void finish() override {}

 private:
  const Stream& stream_;
  bool verbose_;
  Board board_;
};

/// Every event, one JSON object for each line.
class JsonProgress final : public Progress {
 public:
  explicit JsonProgress(Context& context) : stream_(context.err) {}

  void tell(const ProgressEvent& event) override {
    json::Object line;
    line.set("schema", "vmfleet.progress/1");
    if (!event.machine.empty()) {
      line.set("machine", event.machine);
      line.set("state", to_string(event.state));
    }
    line.set("elapsed_ms", static_cast<std::int64_t>(event.elapsed.count()));
    if (!event.detail.empty()) line.set("detail", event.detail);
    stream_.try_write(json::write(std::move(line)) + "\n");
  }
  Task<void> animate() override { return nothing(); }
  void finish() override {}

 private:
  const Stream& stream_;
};

}  // namespace

std::unique_ptr<Progress> make_progress(Context& context) {
  ProgressMode mode = context.globals.progress;
  if (mode == ProgressMode::automatic) {
    mode = context.err.is_drawable() ? ProgressMode::tty : ProgressMode::plain;
    if (context.globals.quiet) mode = ProgressMode::none;
    // What -v tells has no room in a display.
    if (context.globals.verbose && mode == ProgressMode::tty) mode = ProgressMode::plain;
  }
  switch (mode) {
    case ProgressMode::tty:
      return std::make_unique<LiveProgress>(context);
    case ProgressMode::json:
      return std::make_unique<JsonProgress>(context);
    case ProgressMode::none:
      return std::make_unique<SilentProgress>();
    default:
      return std::make_unique<PlainProgress>(context);
  }
}

ProgressObserver observer_of(Progress& progress) {
  return [&progress](const ProgressEvent& event) { progress.tell(event); };
}

}  // namespace vmfleet::cli
