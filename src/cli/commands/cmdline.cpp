// SPDX-License-Identifier: MIT
// vmfleet cmdline: how QEMU was started.
#include "cli/arguments.hpp"
#include "cli/command_line_of.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

Task<int> cmdline(Context& context, const std::string& name) {
  const auto directory = context.directory_of(name);
  try {
    co_await recover_records(directory);
  } catch (const Error&) {
    // QEMU does not answer: what is recorded tells.
  }
  const auto argv = command_line_of(directory);
  if (context.globals.json) {
    json::Array words;
    for (const auto& word : argv) words.emplace_back(word);
    json::Object document;
    document.set("schema", "vmfleet.cmdline/1");
    document.set("name", name);
    document.set("argv", std::move(words));
    context.answer(std::move(document));
  } else {
    context.out.write(format_command_line(argv));
  }
  co_return kDone;
}

}  // namespace

void add_cmdline(Program& program) {
  auto name = std::make_shared<std::string>();
  CLI::App& app = program.command(group::kLook, "cmdline", "the QEMU command line of a machine");
  add_positional(app, "NAME", *name, Presence::required, "the machine");
  program.runs(app, [name](Context& context) { return cmdline(context, *name); });
}

}  // namespace vmfleet::cli
