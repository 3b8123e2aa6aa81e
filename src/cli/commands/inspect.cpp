// SPDX-License-Identifier: MIT
// vmfleet inspect: all that is known of machines.
#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/inspect_sections.hpp"
#include "cli/program.hpp"
#include "cli/value_printer.hpp"

namespace vmfleet::cli {

namespace {

struct InspectArguments {
  InspectArguments() = default;

  std::vector<std::string> names;
  InspectSections sections;
};

/// One whose records cannot be read keeps no other from being shown.
json::Value inspect_one(const Context& context, const std::string& name, InspectSections sections,
                        MachineReport& told) {
  told.name = name;
  try {
    return inspect_sections(context.directory_of(name), sections);
  } catch (const Error& error) {
    told.error = error;
    return json::Object{{"name", name}, {"error", error_to_json(error)}};
  }
}

Task<int> inspect(Context& context, const InspectArguments& arguments) {
  const InspectSections sections =
      arguments.sections.none() ? InspectSections::usual() : arguments.sections;
  json::Array machines;
  std::string text;
  FleetReport report;
  for (const auto& name : context.select(arguments.names)) {
    MachineReport& told = report.machines.emplace_back();
    json::Value machine = inspect_one(context, name, sections, told);
    context.complain(told);
    if (!text.empty()) text += "\n";
    text += format_value(machine);
    machines.push_back(std::move(machine));
  }
  if (context.globals.json) {
    json::Object document;
    document.set("schema", "vmfleet.inspect/1");
    document.set("fleet", context.fleet_name());
    document.set("machines", std::move(machines));
    context.answer(std::move(document));
  } else {
    context.out.write(text);
  }
  co_return exit_code_of_errors(report);
}

}  // namespace

void add_inspect(Program& program) {
  auto arguments = std::make_shared<InspectArguments>();
  CLI::App& app = program.command(group::kLook, "inspect", "all that is known of machines");
  add_names(app, arguments->names);
  InspectSections& sections = arguments->sections;
  add_flag(app, "--state", sections.state, "only these sections: how it does");
  add_flag(app, "--config", sections.configuration, "what was asked for, with its defaults");
  add_flag(app, "--device", sections.device, "devices, and what they are connected to");
  add_flag(app, "--network", sections.network, "interfaces and ports");
  add_flag(app, "--cmdline", sections.command_line, "QEMU's arguments");
  add_flag(app, "--raw", sections.raw, "the records as they are on disk");
  program.runs(app, [arguments](Context& context) { return inspect(context, *arguments); });
}

}  // namespace vmfleet::cli
