// SPDX-License-Identifier: MIT
// What commands share: streams, and the fleet that they are about.
#include "cli/context.hpp"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/qemu/validate.hpp>

#include "cli/error_printer.hpp"

namespace vmfleet::cli {

namespace {

/// It becomes a folder below the state root, and nothing else.
std::string valid_fleet_name(const std::string& name) {
  if (is_valid_name(name)) return name;
  throw Error(ErrorKind::invalid_config,
              fmt::format("'{}' cannot be the name of a fleet", sanitize(name)))
      .hint("letters, digits, '.', '_' and '-', at most 63, beginning with a letter or digit");
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
  if (machine.error) err.try_write(describe_error(machine.name, *machine.error, err));
}

std::filesystem::path Context::state_root() const {
  if (globals.state_dir.empty()) return default_state_root();
  return std::filesystem::absolute(globals.state_dir);
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
  try {
    return FleetSpec::load(kFleetFile).name;
  } catch (const Error& error) {
    throw Error(error).evidence("the fleet's name is read from this file; -p NAME does without");
  }
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

}  // namespace vmfleet::cli
