// SPDX-License-Identifier: MIT
// Events as lines.
#include "cli/event_printer.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <vmfleet/async/when.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/machine/machine.hpp>
#include <vmfleet/qmp/event_log.hpp>

namespace vmfleet::cli {

namespace {

std::string format_time(qmp::Event::Time time) {
  const auto us = time.time_since_epoch().count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z",
                     fmt::gmtime(static_cast<std::time_t>(us / 1'000'000)), us % 1'000'000);
}

class Printer {
 public:
  Printer(const Context& context, std::string machine, bool fresh)
      : context_(context), machine_(std::move(machine)), silent_(fresh) {}

  void print_what_is_there(FileTail& tail) {
    for (TailChunk chunk = tail.poll(); !chunk.data.empty(); chunk = tail.poll()) take(chunk);
    silent_ = false;
  }

  Task<void> print_new(FileTail& tail) {
    for (;;) {
      const TailChunk chunk = co_await tail.next();
      take(chunk);
    }
  }

 private:
  void take(const TailChunk& chunk) {
    if (chunk.restarted) log_ = qmp::EventLog();
    for (const auto& event : log_.feed(chunk.data)) {
      if (!silent_) context_.out.write(format_event(machine_, event, context_.globals.json));
    }
  }

  const Context& context_;
  std::string machine_;
  bool silent_;
  qmp::EventLog log_;
};

}  // namespace

std::string format_event(const std::string& machine, const qmp::Event& event, bool json) {
  if (json) {
    json::Object line;
    if (!machine.empty()) line.set("machine", machine);
    line.set("time", format_time(event.timestamp));
    line.set("event", event.name);
    if (!event.data.is_null()) line.set("data", event.data);
    return json::write(std::move(line)) + "\n";
  }
  std::string line = format_time(event.timestamp);
  if (!machine.empty()) line += " " + machine;
  line += " " + sanitize(event.name);
  if (!event.data.is_null()) line += " " + sanitize(json::write(event.data));
  return line + "\n";
}

Task<void> print_events(const Context& context, std::string machine,
                        std::filesystem::path directory, EventsUntil until, bool fresh) {
  Loop& loop = co_await current_loop();
  FileTail tail(loop, directory / instance_file::kEvents);
  Printer printer(context, std::move(machine), fresh);
  printer.print_what_is_there(tail);
  if (until == EventsUntil::now) co_return;
  co_await when_any(printer.print_new(tail), wait_until_ended(std::move(directory)));
  printer.print_what_is_there(tail);
}

}  // namespace vmfleet::cli
