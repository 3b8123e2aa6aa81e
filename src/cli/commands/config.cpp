// SPDX-License-Identifier: MIT
// vmfleet config: what `up` would start, with everything resolved.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/injected_texts.hpp"
#include "cli/program.hpp"
#include "cli/up_spec.hpp"
#include "cli/value_printer.hpp"

namespace vmfleet::cli {

namespace {

Task<int> config(Context& context, const SpecArguments& arguments) {
  const json::Object spec =
      fleet_without_injected_texts(describe(resolve_spec(context, arguments)));
  if (!context.globals.json) {
    context.out.write(format_value(spec));
    co_return kDone;
  }
  json::Object document;
  document.set("schema", "vmfleet.config/1");
  for (const auto& [key, value] : spec) document.set(key, value);
  context.answer(std::move(document));
  co_return kDone;
}

}  // namespace

void add_config(Program& program) {
  auto arguments = std::make_shared<SpecArguments>();
  CLI::App& app =
      program.command(group::kFleet, "config", "check a fleet file; show what it comes to");
  add_spec_options(app, *arguments);
  program.runs(app, [arguments](Context& context) { return config(context, *arguments); });
}

}  // namespace vmfleet::cli
