// SPDX-License-Identifier: MIT
// vmfleet help: what --help of a command shows.
#include "cli/help.hpp"

#include <memory>

#include <CLI/CLI.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

const CLI::App& find_below(const CLI::App& parent, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : parent.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->check_name(word)) return *command;
    names.push_back(command->get_name());
  }
  throw unknown_word(word, names);
}

Task<int> show_help_of(Context& context, const Program& program,
                       const std::vector<std::string>& words) {
  const CLI::App* app = &program.root();
  for (const auto& word : words) app = &find_below(*app, word);
  context.out.write(format_help(*app));
  co_return kDone;
}

}  // namespace

void add_help(Program& program) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App& app = program.command(group::kHost, "help", "show the help of a command");
  add_positionals(app, "COMMAND", *words, "up, or template rm; without: all commands");
  program.runs(
      app, [words, &program](Context& context) { return show_help_of(context, program, *words); });
}

}  // namespace vmfleet::cli
