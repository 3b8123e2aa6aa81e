// SPDX-License-Identifier: MIT
// vmfleet logs: what the guests wrote on their serial consoles.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/log_printer.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

struct LogArguments {
  LogArguments() = default;
  std::vector<std::string> names;
  LogOptions options;
};

Task<int> logs(Context& context, const LogArguments& arguments) {
  context.streams = true;
  co_await print_logs(context, context.select(arguments.names), arguments.options);
  co_return kDone;
}

}  // namespace

void add_logs(Program& program) {
  auto arguments = std::make_shared<LogArguments>();
  CLI::App& app =
      program.command(group::kLook, "logs", "what guests wrote on their serial consoles");
  add_names(app, arguments->names);
  add_flag(app, "-f,--follow", arguments->options.follow, "go on until the machines end");
  add_count(app, "--tail", arguments->options.tail, 0, 1'000'000'000, "", "only the last N lines");
  add_flag(app, "--timestamps", arguments->options.timestamps,
           "when each line was read, while following");
  add_flag(app, "--raw", arguments->options.raw, "bytes as they are, escape sequences too");
  add_flag(app, "--qemu", arguments->options.qemu, "what QEMU itself printed");
  program.runs(app, [arguments](Context& context) { return logs(context, *arguments); });
}

}  // namespace vmfleet::cli
