// SPDX-License-Identifier: MIT
// vmfleet version.
#include <fmt/format.h>

#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

Task<int> version(Context& context) {
  if (context.globals.json) {
    json::Object document;
    document.set("schema", "vmfleet.version/1");
    document.set("version", VMFLEET_VERSION);
    context.answer(std::move(document));
  } else {
    context.out.write("vmfleet " VMFLEET_VERSION "\n");
  }
  co_return kDone;
}

}  // namespace

void add_version(Program& program) {
  CLI::App& app = program.command(group::kHost, "version", "show the version");
  program.runs(app, [](Context& context) { return version(context); });
}

}  // namespace vmfleet::cli
