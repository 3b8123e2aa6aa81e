// SPDX-License-Identifier: MIT
// vmfleet report: an archive to attach to a bug report.
#include <memory>

#include "cli/arguments.hpp"
#include "cli/bug_report.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

struct ReportArguments {
  ReportArguments() = default;
  std::vector<std::string> names;
  std::string file;
};

Task<int> report(Context& context, const ReportArguments& arguments) {
  const BugReport made = co_await write_bug_report(context, arguments.names, arguments.file);
  for (const auto& problem : made.problems) context.say("vmfleet: warning: no " + problem);
  if (context.globals.json) {
    json::Object document;
    document.set("schema", "vmfleet.report/1");
    document.set("fleet", context.fleet_name());
    document.set("path", made.path.string());
    document.set("entries", json::to_array(made.entries));
    document.set("problems", json::to_array(made.problems));
    context.answer(document);
  } else {
    context.out.write(made.path.string() + "\n");
  }
  co_return kDone;
}

}  // namespace

void add_report(Program& program) {
  auto arguments = std::make_shared<ReportArguments>();
  CLI::App& app = program.command(group::kHost, "report",
                                  "all that explains what went wrong, in one archive to pass on");
  add_names(app, arguments->names);
  add_text(app, "-o,--output", "FILE", arguments->file,
           "the archive, which must not be there (vmfleet-report-FLEET.tar.gz)");
  program.runs(app, [arguments](Context& context) { return report(context, *arguments); });
}

}  // namespace vmfleet::cli
