// SPDX-License-Identifier: MIT
// One command, from its start to its exit code.
#include "cli/run.hpp"

#include <csignal>
#include <cstring>
#include <exception>

#include <fmt/format.h>

#include <vmfleet/async/cancel.hpp>
#include <vmfleet/async/task_group.hpp>
#include <vmfleet/io/signals.hpp>

#include "cli/error_printer.hpp"
#include "cli/exit_code.hpp"

namespace vmfleet::cli {

namespace {

std::string_view signal_word(int signal) noexcept {
  if (signal == SIGINT) return "SIGINT";
  if (signal == SIGHUP) return "SIGHUP";
  return "SIGTERM";
}

// `timeout`, shells and session managers signal a process and its group at once, or with two
// signals.
constexpr Milliseconds kOneRequest(500);

void tell_of_cleanup(const Context& context, int signal) {
  // The cleanup goes on: ending here would leave machines behind that nobody asked to keep.
  if (!context.cleans_up) return;
  std::string_view what = "cleaning up";
  if (context.waits_for_guests) {
    what = context.hurry->is_set() ? "not waiting for the guests any more"
                                   : "stopping the machines; again to hurry";
  }
  context.say(fmt::format("vmfleet: {}: {}", signal_word(signal), what));
}

Task<void> cancel_on_signal(Context& context, Signals& signals, CancelScope& scope, int& signal) {
  Loop& loop = co_await current_loop();
  int arrived = co_await signals.next();
  while (context.relay_signal) {
    context.relay_signal(arrived);
    arrived = co_await signals.next();
  }
  signal = arrived;
  scope.cancel();
  tell_of_cleanup(context, arrived);
  const TimePoint first = loop.now();
  for (;;) {
    arrived = co_await signals.next();
    if (loop.now() - first < kOneRequest) continue;
    context.hurry->set();
    tell_of_cleanup(context, arrived);
  }
}

Task<int> run_interruptible(Context& context, const Command& command) {
  Loop& loop = co_await current_loop();
  std::vector<int> numbers;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) numbers.push_back(number);
  Signals signals(loop, numbers);
  CancelScope scope;
  Event hurry;
  context.hurry = &hurry;
  int signal = 0;
  std::optional<int> code;
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto watch = [&]() -> Task<void> { return cancel_on_signal(context, signals, scope, signal); };
    group.start(watch);
    code = co_await scope.run(command(context));
    group.cancel();
  };
  try {
    co_await with_task_group(body);
  } catch (const Error& error) {
    if (signal == 0) throw;
    const Error told = context.addressed(error);  // the cleanup's
    context.err.try_write(describe_error(told, context.err));
  }
  if (signal == 0) co_return code.value_or(kFailed);
  // Nothing is left to interrupt, and one more would only give another end than this one.
  hold_off_signals(numbers);
  if (context.globals.json && !context.streams && !code) {
    json::Object error;
    error.set("kind", "interrupted");
    error.set("message", fmt::format("interrupted by {}", signal_word(signal)));
    context.answer(error_document(std::move(error)));
  }
  co_return interrupted_code(signal);
}

int report_failure(Context& context, const Error& failure) {
  const Error error = context.addressed(failure);
  context.err.try_write(describe_error(error, context.err));
  if (context.globals.json) context.answer(error_document(error_to_json(error)));
  return context.passes_code ? kOwnFailure : exit_code(error.kind());
}

}  // namespace

int run_command(Context& context, const Command& command) {
  try {
    try {
      Loop loop;
      return loop.run(run_interruptible(context, command));
    } catch (const Error& error) {
      return report_failure(context, error);
    } catch (const std::exception& error) {
      return report_failure(context, Error(ErrorKind::internal, error.what()));
    }
  } catch (const OutputClosed&) {
    return kDone;
  } catch (const Error&) {
    return kFailed;  // the answer could not even be written
  }
}

}  // namespace vmfleet::cli
