// SPDX-License-Identifier: MIT
// vmfleet gc: removes what nothing uses any more.
#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/image/image_store.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/garbage_printer.hpp"
#include "cli/program.hpp"
#include "cli/run_roots.hpp"

namespace vmfleet::cli {

namespace {

/// What runs that were killed have left: their keys, and machines that did not die with them.
Task<void> collect_runs(const Context& context, bool dry_run, GarbageReport* report) {
  std::vector<OwnRoot> roots = OwnRoot::take_abandoned();
  for (auto& root : roots) {
    Garbage garbage(GarbageKind::run, root.path(), "its `vmfleet run` was killed");
    garbage.size = size_on_disk(root.path());
    try {
      if (!dry_run) co_await end_others(context, root);
    } catch (const Error& error) {
      garbage.error = error;
      garbage.reason = error.message();
    }
    const bool gone = !garbage.error && (dry_run || root.is_removed());
    if (!gone && !garbage.error) garbage.reason = "something lives there";
    (gone ? report->removed : report->kept).push_back(std::move(garbage));
  }
}

Task<int> gc(Context& context, bool dry_run) {
  GarbageOptions options;
  options.state_root = context.state_root();
  options.cache_root = default_cache_root();
  options.dry_run = dry_run;
  GarbageReport report = co_await collect_garbage(std::move(options));
  co_await collect_runs(context, dry_run, &report);
  for (Garbage& garbage : report.kept) garbage.reason = context.in_state_dir(garbage.reason);
  tell_garbage(context, report, "vmfleet.gc/1", dry_run);
  co_return exit_code_of(report);
}

}  // namespace

void add_gc(Program& program) {
  auto dry_run = std::make_shared<bool>(false);
  CLI::App& app =
      program.command(group::kHost, "gc", "remove what nothing uses any more, of all fleets");
  add_flag(app, "--dry-run", *dry_run, "only tell what would be removed");
  program.runs(app, [dry_run](Context& context) { return gc(context, *dry_run); });
}

}  // namespace vmfleet::cli
