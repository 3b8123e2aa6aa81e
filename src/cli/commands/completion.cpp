// SPDX-License-Identifier: MIT
// vmfleet completion: a script for the shell.
#include "cli/completion.hpp"

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

Task<int> completion(Context& context, const Program& program, const std::string& shell) {
  if (shell != "bash") throw unknown_word(shell, {"bash"});
  context.out.write(bash_completion(program.root()));
  co_return kDone;
}

}  // namespace

void add_completion(Program& program) {
  auto shell = std::make_shared<std::string>();
  CLI::App& app = program.command(group::kHost, "completion", "print a completion script");
  add_positional(app, "SHELL", *shell, Presence::required, "bash");
  program.runs(
      app, [shell, &program](Context& context) { return completion(context, program, *shell); });
}

}  // namespace vmfleet::cli
