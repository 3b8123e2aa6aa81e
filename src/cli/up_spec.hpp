// SPDX-License-Identifier: MIT
// Which fleet a command like `up` means: a file, or options.
#pragma once

#include <optional>
#include <string>

#include <vmfleet/fleet/fleet.hpp>
#include <vmfleet/fleet/fleet_spec.hpp>

#include "cli/context.hpp"

namespace CLI {
class App;
}

namespace vmfleet::cli {

struct SpecArguments {
  SpecArguments() = default;

  std::string file;
  std::optional<std::size_t> count;
  FleetOptions options;  // those that describe a machine
};

void add_spec_options(CLI::App& app, SpecArguments& spec);

struct CloneArguments {
  CloneArguments() = default;

  bool clone = false;
  bool identical = false;
  bool cold = false;

  /// Whatever the file says; nullopt when nothing was asked for.
  [[nodiscard]] std::optional<Cloned> chosen() const;
};

void add_clone_options(CLI::App& app, CloneArguments& arguments);

/// -f, or options, or `vmfleet.toml` here, or the image `tiny`.
///
/// *Errors*: `invalid_config`, also for files that are named and missing: all of them at once.
FleetSpec resolve_spec(const Context& context, const SpecArguments& arguments);

}  // namespace vmfleet::cli
