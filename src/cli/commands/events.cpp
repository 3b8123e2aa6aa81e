// SPDX-License-Identifier: MIT
// vmfleet events: what QEMU reported of the machines, since each was started.

#include <vmfleet/async/when.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/event_printer.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

struct EventArguments {
  EventArguments() = default;
  std::vector<std::string> names;
  bool follow = false;
};

Task<int> events(Context& context, const EventArguments& arguments) {
  context.streams = true;
  std::vector<Task<void>> tasks;
  for (const auto& name : context.select(arguments.names)) {
    tasks.push_back(print_events(context, name, context.directory_of(name),
                                 arguments.follow ? EventsUntil::ended : EventsUntil::now));
  }
  co_await when_all(std::move(tasks));
  co_return kDone;
}

}  // namespace

void add_events(Program& program) {
  auto arguments = std::make_shared<EventArguments>();
  CLI::App& app = program.command(group::kLook, "events", "what QEMU reported of the machines");
  add_names(app, arguments->names);
  add_flag(app, "-f,--follow", arguments->follow, "go on until the machines end");
  program.runs(app, [arguments](Context& context) { return events(context, *arguments); });
}

}  // namespace vmfleet::cli
