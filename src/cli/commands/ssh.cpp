// SPDX-License-Identifier: MIT
// vmfleet ssh and ssh-config: logging in to machines.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/foreground.hpp"
#include "cli/program.hpp"
#include "cli/ssh_target.hpp"

namespace vmfleet::cli {

namespace {

struct SshArguments {
  SshArguments() = default;
  std::string name;
  std::vector<std::string> words;
};

Task<int> ssh(Context& context, const SshArguments& arguments) {
  const SshTarget target = find_ssh_target(context.directory_of(arguments.name));
  co_return co_await run_in_foreground(context, ssh_command(target, arguments.words));
}

/// Those that are named, or all that can be logged in to.
std::vector<SshTarget> find_targets(const Context& context, const std::vector<std::string>& names) {
  std::vector<std::filesystem::path> directories;
  for (const auto& name : context.select(names)) directories.push_back(context.directory_of(name));
  if (names.empty()) return find_ssh_targets(directories);
  std::vector<SshTarget> targets;
  for (const auto& directory : directories) targets.push_back(find_ssh_target(directory));
  return targets;
}

Task<int> ssh_config(Context& context, const std::vector<std::string>& names) {
  const std::vector<SshTarget> targets = find_targets(context, names);
  if (context.globals.json) {
    json::Array machines;
    for (const auto& target : targets) machines.push_back(to_json(target));
    json::Object document;
    document.set("schema", "vmfleet.ssh-config/1");
    document.set("machines", std::move(machines));
    context.answer(std::move(document));
  } else {
    context.out.write(format_ssh_config(targets));
  }
  co_return kDone;
}

}  // namespace

void add_ssh(Program& program) {
  auto arguments = std::make_shared<SshArguments>();
  CLI::App& app = program.command(group::kMachine, "ssh", "log in to a machine");
  add_positional(app, "NAME", arguments->name, Presence::required, "the machine");
  add_program(app, arguments->words, Presence::optional,
              "what a shell in the guest runs, behind --; without it, a shell");
  set_footer(app, "vmfleet ssh web-0\nvmfleet ssh web-0 -- 'dmesg | tail'");
  program.runs_program(app, [arguments](Context& context) { return ssh(context, *arguments); });
}

void add_ssh_config(Program& program) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& app =
      program.command(group::kMachine, "ssh-config", "what ssh and scp need to reach machines");
  add_names(app, *names);
  set_footer(app, "vmfleet ssh-config >config; ssh -F config web-0; rsync -e 'ssh -F config' …");
  program.runs(app, [names](Context& context) { return ssh_config(context, *names); });
}

}  // namespace vmfleet::cli
