// SPDX-License-Identifier: MIT
// Program: the argument tree, and the command that the arguments choose.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/globals.hpp"
#include "cli/run.hpp"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace vmfleet::cli {

class Program {
 public:
  Program();
  ~Program();

  /// Adds `vmfleet NAME`, or a command below another one.
  CLI::App& command(const std::string& group, const std::string& name,
                    const std::string& description);
  CLI::App& command_below(CLI::App& parent, const std::string& name,
                          const std::string& description);
  /// What a command does. What `work` refers to must live as long as the program.
  void runs(const CLI::App& app, Command work);
  /// The same for one that runs a program, whose exit code it passes on.
  void runs_program(const CLI::App& app, Command work);

  /// The whole life of the process: its exit code.
  int main(std::vector<std::string> arguments);

  [[nodiscard]] const CLI::App& root() const noexcept { return *root_; }

 private:
  void add_globals();
  int run_parsed();
  int show_help();
  int refuse(const std::vector<std::string>& arguments, const Error& error);
  [[nodiscard]] CLI::App& selected();
  [[nodiscard]] Context make_context();
  [[nodiscard]] std::set<std::string> fleet_commands() const;
  [[nodiscard]] Error translate(const CLI::ParseError& error);
  [[nodiscard]] Error unexpected(const std::string& argument);

  std::unique_ptr<CLI::App> root_;
  Globals globals_;
  bool version_ = false;
  std::map<const CLI::App*, Command> commands_;
  std::set<const CLI::App*> run_programs_;
};

/// The headings in `vmfleet --help`.
namespace group {
inline constexpr const char* kFleet = "Fleets";
inline constexpr const char* kLook = "Looking";
inline constexpr const char* kMachine = "Machines";
inline constexpr const char* kHost = "Images and host";
}  // namespace group

}  // namespace vmfleet::cli
