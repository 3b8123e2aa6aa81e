// SPDX-License-Identifier: MIT
// The text of --help.
#include "cli/help.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

namespace vmfleet::cli {

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

namespace {

struct Entry {
  std::string left;
  std::string right;
};

bool is_positional(const CLI::Option& option) {
  return option.get_snames().empty() && option.get_lnames().empty();
}

std::string names_of(const CLI::Option& option) {
  std::string text;
  for (const auto& name : option.get_snames()) text += (text.empty() ? "-" : ", -") + name;
  if (text.empty()) text = "    ";
  for (const auto& name : option.get_lnames()) {
    text += (text == "    " ? "--" : ", --") + name;
  }
  if (option.get_type_size() != 0) text += " " + option.get_type_name();
  return text;
}

std::string positional_usage(const CLI::Option& option) {
  std::string text = option.get_type_name();
  if (option.get_expected_max() > 1) text += "…";
  return option.get_required() ? text : "[" + text + "]";
}

std::string format_entries(const std::string& title, const std::vector<Entry>& entries) {
  if (entries.empty()) return "";
  std::size_t width = 0;
  for (const auto& entry : entries) width = std::max(width, entry.left.size());
  std::string text = "\n" + title + ":\n";
  for (const auto& entry : entries) {
    text += fmt::format("  {:<{}}  {}\n", entry.left, width, entry.right);
  }
  return text;
}

std::string usage_of(const CLI::App& app) {
  std::string text = path_of(app);
  if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) text += " COMMAND";
  text += " [OPTIONS]";
  for (const CLI::Option* option : app.get_options()) {
    if (is_positional(*option)) text += " " + positional_usage(*option);
  }
  return text;
}

std::vector<Entry> entries_of(const CLI::App& app, bool positional) {
  std::vector<Entry> entries;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || is_positional(*option) != positional) continue;
    entries.push_back(
        {positional ? option->get_type_name() : names_of(*option), option->get_description()});
  }
  return entries;
}

}  // namespace

std::string format_help(const CLI::App& app) {
  std::string text = fmt::format("usage: {}\n\n{}\n", usage_of(app), app.get_description());
  text += format_entries("Arguments", entries_of(app, true));
  std::vector<std::string> groups;
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) {
    if (std::find(groups.begin(), groups.end(), command->get_group()) == groups.end()) {
      groups.push_back(command->get_group());
    }
  }
  for (const auto& group : groups) {
    std::vector<Entry> entries;
    for (const CLI::App* command : commands) {
      if (command->get_group() != group) continue;
      std::string names = command->get_name();
      for (const auto& alias : command->get_aliases()) names += ", " + alias;
      entries.push_back({names, command->get_description()});
    }
    text += format_entries(group, entries);
  }
  text += format_entries("Options", entries_of(app, false));
  if (const CLI::App* root = app.get_parent()) {
    while (root->get_parent() != nullptr) root = root->get_parent();
    text += format_entries("Everywhere", entries_of(*root, false));
  }
  const std::string footer = app.get_footer();
  if (!footer.empty()) text += "\n" + footer + "\n";
  return text;
}

}  // namespace vmfleet::cli
