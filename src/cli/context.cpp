// SPDX-License-Identifier: MIT
// What commands share: streams, and the fleet that they are about.
#include "cli/context.hpp"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "cli/error_printer.hpp"
#include "cli/hints.hpp"

namespace vmfleet::cli {

namespace {

/// It becomes a folder below the state root, and nothing else.
std::string valid_fleet_name(const std::string& name) {
  if (is_valid_name(name)) return name;
  throw Error(ErrorKind::invalid_config,
              fmt::format("'{}' cannot be the name of a fleet", sanitize(name)))
      .hint("letters, digits, '.', '_' and '-', at most 63, beginning with a letter or digit");
}

std::string read_name_here(const Context& context) {
  std::optional<FleetName> found;
  try {
    found = FleetName::load(kFleetFile);
  } catch (const Error& error) {
    throw Error(error).evidence("the fleet's name is read from this file; -p NAME does without");
  }
  if (found->errors) {
    context.say(fmt::format(
        "vmfleet: warning: {} has errors, which `vmfleet config` lists; going on with fleet '{}'",
        kFleetFile, found->name));
  }
  return found->name;
}

/// The folder whose fleet file or options made a machine; empty when that is not known. Only looks:
/// a damaged record is for the command itself to find.
std::filesystem::path origin_of(const std::filesystem::path& machine) {
  try {
    const auto record = json::parse(files::read(machine / instance_file::kIntent));
    return record ? std::string((*record)["body"]["spec"].text("folder")) : "";
  } catch (const Error&) {
    return {};
  }
}

bool is_same_folder(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code missing;
  return std::filesystem::equivalent(a, b, missing) || a == b;
}

}  // namespace

Context::Context(const Globals& options)
    : globals(options), out(STDOUT_FILENO, options.color), err(STDERR_FILENO, options.color) {}

void Context::answer(const json::Value& document) const {
  out.write(json::write(document, 2) + "\n");
}

void Context::say(std::string_view line) const {
  if (globals.quiet) return;
  if (say_above) {
    say_above(std::string(line));
  } else {
    err.try_write(std::string(line) + "\n");
  }
}

void Context::complain(const MachineReport& machine) const {
  if (machine.error) err.try_write(describe_error(machine.name, addressed(*machine.error), err));
}

std::string Context::addressed(std::string text) const {
  std::vector<std::string> options;
  if (!globals.state_dir.empty()) {
    options.push_back("--state-dir " + shell_quote(state_root().string()));
  }
  if (globals.fleet) options.push_back("-p " + shell_quote(*globals.fleet));
  return options.empty() ? text : with_options(text, join(options, " "), fleet_commands);
}

std::string Context::in_state_dir(const std::string& text) const {
  if (globals.state_dir.empty()) return text;
  return with_options(text, "--state-dir " + shell_quote(state_root().string()), fleet_commands);
}

Error Context::addressed(Error error) const {
  std::string hint = addressed(error.hint());
  return std::move(error).hint(std::move(hint));
}

FleetReport Context::addressed(FleetReport report) const {
  for (auto& machine : report.machines) {
    if (machine.error) machine.error = addressed(*machine.error);
  }
  return report;
}

std::filesystem::path Context::state_root() const {
  if (globals.state_dir.empty()) return default_state_root();
  return std::filesystem::absolute(globals.state_dir).lexically_normal();
}

std::optional<std::string> Context::given_fleet_name() const {
  if (globals.fleet) return valid_fleet_name(*globals.fleet);
  const char* name = std::getenv("VMFLEET_FLEET");
  if (name != nullptr && *name != '\0') return valid_fleet_name(name);
  return std::nullopt;
}

std::string Context::fleet_name() const {
  if (auto given = given_fleet_name()) return *std::move(given);
  std::error_code ignored;
  if (!std::filesystem::exists(kFleetFile, ignored)) return "default";
  if (!name_here_) name_here_ = read_name_here(*this);
  return *name_here_;
}

Fleet Context::fleet() const {
  return Fleet(state_root(), fleet_name());
}

std::filesystem::path Context::directory_of(const std::string& machine) const {
  return fleet().directory_of(machine);
}

std::vector<std::string> Context::select(const std::vector<std::string>& patterns) const {
  const std::string name = fleet_name();
  auto names = Fleet(state_root(), name).select(patterns);
  if (!names.empty()) return names;
  const auto fleets = list_fleets(state_root());
  Error error(ErrorKind::not_found, fmt::format("fleet '{}' has no machines", sanitize(name)));
  if (fleets.empty()) throw std::move(error).hint("start some with: vmfleet up");
  throw std::move(error).hint(
      fmt::format("there are fleets: {}; name one with -p", join(fleets, ", ")));
}

void Context::require_own(const std::vector<std::string>& machines) const {
  std::error_code ignored;
  if (given_fleet_name() || !std::filesystem::exists(kFleetFile, ignored)) return;
  const std::string name = fleet_name();
  for (const auto& machine : machines) {
    const auto folder = origin_of(state_root() / name / machine);
    if (folder.empty() || is_same_folder(folder, std::filesystem::current_path())) continue;
    throw Error(ErrorKind::conflict,
                fmt::format("{} is of the fleet '{}' of {}, not of this folder", machine, name,
                            folder.string()))
        .hint(fmt::format("go there; or, if it is meant, name the fleet: -p {}", name));
  }
}

}  // namespace vmfleet::cli
