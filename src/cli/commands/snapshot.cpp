// SPDX-License-Identifier: MIT
// vmfleet snapshot, restore: machines as they were at one moment.
#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include <vmfleet/machine/snapshot.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/each_machine.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/report_printer.hpp"
#include "cli/sizes.hpp"
#include "cli/table.hpp"

namespace vmfleet::cli {

namespace {

struct SnapshotArguments {
  SnapshotArguments() = default;
  std::string name;
  std::string tag;
  bool force = false;
  bool remove = false;
};

json::Value to_json(const Snapshot& snapshot) {
  json::Object object;
  object.set("tag", snapshot.tag);
  object.set("created", snapshot.created);
  object.set("qemu", snapshot.qemu);
  object.set("paused", snapshot.paused);
  object.set("took_ms", snapshot.took.count());
  object.set("bytes", snapshot.size.count());
  object.set("dir", snapshot.directory.string());
  return object;
}

Task<int> list(Context& context, std::vector<std::string> names) {
  json::Array machines;
  std::vector<std::vector<std::string>> rows;
  for (const auto& name : names) {
    json::Array snapshots;
    for (const auto& snapshot : list_snapshots(context.directory_of(name))) {
      snapshots.push_back(to_json(snapshot));
      auto& row = rows.emplace_back();
      row.push_back(name);
      row.push_back(snapshot.tag);
      row.push_back(rounded(snapshot.size));
      row.push_back(snapshot.paused ? "paused" : "running");
      row.push_back(snapshot.qemu);
      row.push_back(snapshot.created);
    }
    machines.push_back(json::Object{{"name", name}, {"snapshots", std::move(snapshots)}});
  }
  if (context.globals.json) {
    json::Object document;
    document.set("schema", "vmfleet.snapshot-ls/1");
    document.set("fleet", context.fleet_name());
    document.set("machines", std::move(machines));
    context.answer(std::move(document));
  } else if (rows.empty()) {
    context.say("no snapshots yet; vmfleet snapshot NAME TAG makes one");
  } else {
    const std::vector<std::string> titles{"NAME", "TAG", "ON DISK", "GUEST", "QEMU", "CREATED"};
    context.out.write(format_table(titles, rows));
  }
  co_return kDone;
}

Task<void> take(const SnapshotArguments& arguments, std::filesystem::path directory) {
  Machine machine = co_await Machine::adopt(std::move(directory));
  SnapshotOptions options;
  options.replace = arguments.force;
  co_await machine.snapshot(arguments.tag, options);
}

Task<void> go_back(const Context& context, std::string tag, std::string name,
                   std::filesystem::path directory) {
  RestoreOptions options;
  options.on_warning = [&context, name](std::string_view what) {
    context.say(fmt::format("vmfleet: warning: {}: {}", name, what));
  };
  if (context.globals.verbose) {
    options.on_step = [&context, name](std::string_view step) {
      context.say(fmt::format("{}: {}", name, step));
    };
  }
  co_await Machine::restore(std::move(directory), std::move(tag), std::move(options));
}

/// A machine that has no snapshot of that tag is no machine to be found here.
int code_of(const FleetReport& report) {
  const auto lacks_it = [](const MachineReport& machine) {
    return machine.error && machine.error->kind() == ErrorKind::not_found;
  };
  const auto& machines = report.machines;
  const bool nowhere = std::all_of(machines.begin(), machines.end(), lacks_it);
  return nowhere ? kNotFound : exit_code_of_errors(report);
}

Task<int> work_on(Context& context, std::vector<std::string> names, MachineWork work,
                  std::string schema) {
  context.require_own(names);
  const FleetReport report = co_await for_each_machine(context, std::move(names), std::move(work));
  tell_report(context, report, schema);
  co_return code_of(report);
}

Task<int> snapshot(Context& context, const SnapshotArguments& arguments) {
  const auto names = context.select({arguments.name});
  if (arguments.tag.empty()) {
    if (arguments.force || arguments.remove) {
      throw Error(ErrorKind::invalid_config, "say which snapshot: NAME TAG");
    }
    return list(context, names);
  }
  context.cleans_up = true;
  const MachineWork work = [&arguments](const std::string&, std::filesystem::path directory) {
    if (arguments.remove) return remove_snapshot(std::move(directory), arguments.tag);
    return take(arguments, std::move(directory));
  };
  return work_on(context, names, work, "vmfleet.snapshot/1");
}

}  // namespace

void add_snapshot(Program& program) {
  auto arguments = std::make_shared<SnapshotArguments>();
  CLI::App& app = program.command(group::kMachine, "snapshot",
                                  "keep what a machine is now, to restore it; list what is kept");
  add_positional(app, "NAME", arguments->name, Presence::required,
                 "the machine; globs are several");
  add_positional(app, "TAG", arguments->tag, Presence::optional,
                 "what it shall be called; without: list those that there are");
  add_flag(app, "--force", arguments->force, "replace one of the same tag");
  add_flag(app, "--rm", arguments->remove, "remove it");
  add_exclusion(app, "--force", "--rm");
  program.runs(app, [arguments](Context& context) { return snapshot(context, *arguments); });
}

void add_restore(Program& program) {
  auto arguments = std::make_shared<SnapshotArguments>();
  CLI::App& app = program.command(group::kMachine, "restore",
                                  "set a machine back to a snapshot; what it is now is lost");
  add_positional(app, "NAME", arguments->name, Presence::required,
                 "the machine; globs are several");
  add_positional(app, "TAG", arguments->tag, Presence::required, "the snapshot");
  program.runs(app, [arguments](Context& context) {
    context.cleans_up = true;
    const MachineWork work = [arguments, &context](const std::string& name,
                                                   std::filesystem::path directory) {
      return go_back(context, arguments->tag, name, std::move(directory));
    };
    return work_on(context, context.select({arguments->name}), work, "vmfleet.restore/1");
  });
}

}  // namespace vmfleet::cli
