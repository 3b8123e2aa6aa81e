// SPDX-License-Identifier: MIT
// vmfleet image rm, prune: guests that are not wanted any more.
#include <memory>

#include <vmfleet/fleet/image_garbage.hpp>
#include <vmfleet/image/image_store.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/error_printer.hpp"
#include "cli/exit_code.hpp"
#include "cli/garbage_printer.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

GarbageOptions options_of(const Context& context, bool dry_run) {
  GarbageOptions options;
  options.state_root = context.state_root();
  options.cache_root = default_cache_root();
  options.dry_run = dry_run;
  return options;
}

/// With hints that name the state directory.
void complain(const Context& context, std::vector<Garbage>& kept) {
  for (Garbage& garbage : kept) {
    if (!garbage.error) continue;
    const Error& error = *garbage.error;
    garbage.error = Error(error).hint(context.in_state_dir(error.hint()));
    context.err.try_write(describe_error(*garbage.error, context.err));
  }
}

Task<int> remove(Context& context, ImageRemoval removal) {
  if (removal.names.empty()) {
    throw Error(ErrorKind::invalid_config, "say which images: their names")
        .hint("`vmfleet image ls` shows all");
  }
  if (!removal.arch.empty()) removal.arch = to_string(parse_arch(removal.arch).value());
  GarbageReport report = co_await remove_images(std::move(removal), options_of(context, false));
  complain(context, report.kept);
  const int failed = report.kept.empty() ? kDone : exit_code(report.kept.front().error->kind());
  const bool none = report.removed.empty();
  if (!context.globals.json) report.kept.clear();  // they were told
  if (!none || context.globals.json) tell_garbage(context, report, "vmfleet.image-rm/1", false);
  co_return failed == kDone || none ? failed : kPartly;
}

Task<int> prune(Context& context, bool dry_run) {
  const GarbageReport report = co_await prune_images(options_of(context, dry_run));
  tell_garbage(context, report, "vmfleet.image-prune/1", dry_run);
  co_return exit_code_of(report);
}

}  // namespace

void add_image_removal(Program& program, CLI::App& image) {
  auto removal = std::make_shared<ImageRemoval>();
  CLI::App& rm = program.command_below(image, "rm", "remove images that nobody uses");
  add_positionals(rm, "NAME", removal->names, "as image ls shows them; all of that name");
  add_text(rm, "--arch", "ARCH", removal->arch, "only those for x86_64 or aarch64");
  add_flag(rm, "--force", removal->force, "also what stopped machines and templates use");
  program.runs(rm, [removal](Context& context) { return remove(context, *removal); });
  auto dry_run = std::make_shared<bool>(false);
  CLI::App& prune_app =
      program.command_below(image, "prune", "remove old images and kernels that nobody uses");
  add_flag(prune_app, "--dry-run", *dry_run, "only tell what would be removed");
  program.runs(prune_app, [dry_run](Context& context) { return prune(context, *dry_run); });
}

}  // namespace vmfleet::cli
