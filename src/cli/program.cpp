// SPDX-License-Identifier: MIT
// The argument tree and how it is read.
#include "cli/program.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <vmfleet/base/text.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/error_printer.hpp"
#include "cli/exit_code.hpp"
#include "cli/help.hpp"

namespace vmfleet::cli {

namespace {

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::string hint_of_help(const CLI::App& app) {
  return "see: " + path_of(app) + " --help";
}

}  // namespace

Program::Program()
    : root_(std::make_unique<CLI::App>(
          "Boots virtual machines, and knows the moment each one is ready.", "vmfleet")) {
  root_->set_help_flag("-h,--help", "show help");
  root_->fallthrough();
  root_->require_subcommand(0, 1);
  root_->footer("Two commands to begin with: vmfleet up -n 8, and vmfleet down.");
  add_globals();
  add_commands(*this);
}

Program::~Program() = default;

void Program::add_globals() {
  const auto fleet = [](const std::string& text) -> Result<std::string> { return text; };
  add_parsed(*root_, "-p,--fleet", "NAME", globals_.fleet, fleet, "the fleet to work on");
  add_text(*root_, "--state-dir", "DIR", globals_.state_dir, "where fleets live");
  add_flag(*root_, "--json", globals_.json, "the answer as one JSON document");
  add_flag(*root_, "-q,--quiet", globals_.quiet, "only answers and errors");
  add_flag(*root_, "-v,--verbose", globals_.verbose, "tell each step");
  const auto color = [](const std::string& word) {
    return choose<ColorMode>(word, {{"auto", ColorMode::automatic},
                                    {"always", ColorMode::always},
                                    {"never", ColorMode::never}});
  };
  add_parsed(*root_, "--color", "WHEN", globals_.color, color, "auto, always or never");
  const auto progress = [](const std::string& word) {
    return choose<ProgressMode>(word, {{"auto", ProgressMode::automatic},
                                       {"tty", ProgressMode::tty},
                                       {"plain", ProgressMode::plain},
                                       {"json", ProgressMode::json},
                                       {"none", ProgressMode::none}});
  };
  add_parsed(*root_, "--progress", "HOW", globals_.progress, progress,
             "auto, tty, plain, json or none; on stderr");
  add_flag(*root_, "--version", version_, "show the version");
}

CLI::App& Program::command(const std::string& group, const std::string& name,
                           const std::string& description) {
  CLI::App& app = command_below(*root_, name, description);
  app.group(group);
  return app;
}

CLI::App& Program::command_below(CLI::App& parent, const std::string& name,
                                 const std::string& description) {
  CLI::App& app = *parent.add_subcommand(name, description);
  app.group("Commands");
  app.footer("");
  // Listed once, with the options of every command.
  if (CLI::Option* help = app.get_help_ptr()) help->group("");
  return app;
}

void Program::runs(const CLI::App& app, Command work) {
  commands_[&app] = std::move(work);
}

void Program::runs_program(const CLI::App& app, Command work) {
  runs(app, std::move(work));
  run_programs_.insert(&app);
}

Context Program::make_context() {
  Context context(globals_);
  context.passes_code = run_programs_.count(&selected()) != 0;
  context.fleet_commands = fleet_commands();
  return context;
}

std::set<std::string> Program::fleet_commands() const {
  std::set<std::string> names;
  for (const CLI::App* command : root_->get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_group() != group::kHost) names.insert(command->get_name());
  }
  return names;
}

CLI::App& Program::selected() {
  CLI::App* app = root_.get();
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

int Program::main(std::vector<std::string> arguments) {
  shield_words(arguments);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    root_->parse(reversed);
    return run_parsed();
  } catch (const CLI::CallForHelp&) {
    return show_help();
  } catch (const CLI::ParseError& error) {
    return refuse(arguments, translate(error));
  } catch (const Error& error) {
    return refuse(arguments, error);
  }
}

int Program::run_parsed() {
  CLI::App& app = selected();
  const CLI::App* chosen = version_ ? root_->get_subcommand("version") : &app;
  const auto command = commands_.find(chosen);
  Context context = make_context();
  if (command != commands_.end()) return run_command(context, command->second);
  context.err.try_write(format_help(app));
  return kUsage;
}

int Program::show_help() {
  const Command show = [this](Context& context) -> Task<int> {
    context.out.write(format_help(selected()));
    co_return kDone;
  };
  Context context(globals_);
  return run_command(context, show);
}

int Program::refuse(const std::vector<std::string>& arguments, const Error& error) {
  // The arguments were not read to their end, so what they ask for is looked up here.
  const auto end = std::find(arguments.begin(), arguments.end(), "--");
  globals_.json = std::find(arguments.begin(), end, "--json") != end;
  Context context = make_context();
  const Command fail = [&](Context&) -> Task<int> {
    throw Error(error);
    co_return kFailed;
  };
  return run_command(context, fail);
}

Error Program::translate(const CLI::ParseError& error) {
  CLI::App& app = selected();
  const auto refused = [&](const std::string& message) {
    return Error(ErrorKind::invalid_config, message).hint(hint_of_help(app));
  };
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const auto extra = root_->remaining(true);
    if (!extra.empty()) return unexpected(extra.front());
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_required() && option->count() == 0) {
        return refused(option->get_type_name() + " is missing");
      }
    }
  }
  const std::string words = sanitize(error.what());
  // "--name: 1 required VALUE missing", in the words of one version or another.
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return refused(words.substr(0, words.find(':')) + " needs one value");
  }
  return refused(words);
}

Error Program::unexpected(const std::string& argument) {
  CLI::App& app = selected();
  std::vector<std::string> known;
  const bool option = argument.size() > 1 && argument[0] == '-';
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  if (option) {
    known = option_names(app);
    for (const auto& name : option_names(*root_)) known.push_back(name);
  } else {
    for (const CLI::App* command : below) known.push_back(command->get_name());
  }
  const char* what = option          ? "unknown option"
                     : below.empty() ? "unexpected argument"
                                     : "unknown command";
  Error error(ErrorKind::invalid_config, fmt::format("{} '{}'", what, sanitize(argument)));
  const auto meant = nearest(argument.substr(0, argument.find('=')), known);
  if (!meant.empty()) return std::move(error).hint(fmt::format("did you mean '{}'?", meant));
  if (option && run_programs_.count(&app) != 0) {
    return std::move(error).hint("the program and its options stand behind --: " + path_of(app) +
                                 " … -- CMD…");
  }
  return std::move(error).hint(hint_of_help(app));
}

}  // namespace vmfleet::cli
