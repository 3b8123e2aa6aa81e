// SPDX-License-Identifier: MIT
// Completion for bash: commands, options, and the names of machines.
#include "cli/completion.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace vmfleet::cli {

namespace {

std::string options_of(const CLI::App& app) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
  }
  return words;
}

std::string words_of(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    words += command->get_name() + " ";
  }
  return words + options_of(app);
}

bool takes_machines(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_type_name().rfind("NAME", 0) == 0 && option->get_lnames().empty()) return true;
  }
  return false;
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  std::string cases;
  std::string commands;
  for (const CLI::App* command : root.get_subcommands([](const CLI::App*) { return true; })) {
    const bool machines = takes_machines(*command) && command->get_name() != "image";
    std::string names = command->get_name();
    for (const auto& alias : command->get_aliases()) names += "|" + alias;
    cases += fmt::format("    {}) words='{}'; machines={} ;;\n", names, words_of(*command),
                         machines ? "yes" : "");
    commands += (commands.empty() ? "" : "|") + names;
  }
  return fmt::format(
      R"sh(# bash completion for vmfleet; load it with: source <(vmfleet completion bash)
_vmfleet() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command= word words machines=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in {}) command=$word; break ;; esac
  done
  case $command in
{}    *) words='{}' ;;
  esac
  [ -z "$command" ] || words="$words {}"
  [ -z "$machines" ] || words="$words $(vmfleet ps -q 2>/dev/null)"
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _vmfleet vmfleet
)sh",
      commands, cases, words_of(root), options_of(root));
}

}  // namespace vmfleet::cli
