// SPDX-License-Identifier: MIT
// vmfleet gc: removes what nothing uses any more.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/fleet/garbage.hpp>
#include <vmfleet/image/image_store.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/run_roots.hpp"
#include "cli/sizes.hpp"

namespace vmfleet::cli {

namespace {

json::Value list_of(const std::vector<Garbage>& garbage) {
  json::Array list;
  for (const Garbage& one : garbage) list.push_back(one.to_json());
  return list;
}

void answer(const Context& context, const GarbageReport& report, bool dry_run) {
  json::Object document;
  document.set("schema", "vmfleet.gc/1");
  document.set("dry_run", dry_run);
  document.set("removed", list_of(report.removed));
  document.set("kept", list_of(report.kept));
  document.set("bytes", report.size().count());
  context.answer(std::move(document));
}

std::string line_of(const Garbage& garbage) {
  const std::string what = garbage.pid
                               ? fmt::format("pid {} of {}", *garbage.pid, garbage.path.string())
                               : garbage.path.string();
  return fmt::format("{} {} ({}): {}", to_string(garbage.kind), sanitize(what),
                     rounded(garbage.size), sanitize(garbage.reason));
}

void print(const Context& context, const GarbageReport& report, bool dry_run) {
  for (const Garbage& garbage : report.removed) {
    context.out.write(
        fmt::format("{} {}\n", dry_run ? "would remove" : "removed", line_of(garbage)));
  }
  for (const Garbage& garbage : report.kept) context.say("kept " + line_of(garbage));
  context.say(report.removed.empty()
                  ? "nothing to remove"
                  : fmt::format("{} {}", rounded(report.size()), dry_run ? "to free" : "freed"));
}

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
  if (context.globals.json) {
    answer(context, report, dry_run);
  } else {
    print(context, report, dry_run);
  }
  if (!report.failed()) co_return kDone;
  co_return report.removed.empty() ? kFailed : kPartly;
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
