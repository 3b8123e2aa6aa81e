// SPDX-License-Identifier: MIT
// vmfleet send: types a line on the serial console of a machine.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

struct SendArguments {
  SendArguments() = default;
  std::string name;
  std::string text;
  bool no_newline = false;
};

Task<int> send(Context& context, const SendArguments& arguments) {
  Machine machine = co_await Machine::adopt(context.directory_of(arguments.name));
  std::string text = arguments.text;
  if (!arguments.no_newline) text += '\n';
  co_await machine.send(std::move(text));
  co_return kDone;
}

}  // namespace

void add_send(Program& program) {
  auto arguments = std::make_shared<SendArguments>();
  CLI::App& app = program.command(group::kMachine, "send", "type a line on a machine's console");
  add_positional(app, "NAME", arguments->name, Presence::required, "the machine");
  add_positional(app, "TEXT", arguments->text, Presence::required, "what to type; Enter is added");
  add_flag(app, "-n,--no-newline", arguments->no_newline, "without Enter");
  program.runs(app, [arguments](Context& context) { return send(context, *arguments); });
}

}  // namespace vmfleet::cli
