// SPDX-License-Identifier: MIT
// vmfleet inspect: all that is known of machines.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/instance_directory.hpp>
#include <vmfleet/instance/intent.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"

namespace vmfleet::cli {

namespace {

json::Value inspect_one(const std::filesystem::path& directory) {
  json::Value report = inspect_machine(directory).to_json();
  json::Object machine = *report.as_object();
  if (const auto intent = read_intent(InstanceDirectory::open(directory))) {
    machine.set("created_ms", intent->created_ms);
    if (!intent->readiness.is_null()) machine.set("readiness", intent->readiness);
    if (!intent->forwards.is_null()) machine.set("forwards", intent->forwards);
    if (!intent->spec_hash.empty()) machine.set("spec_hash", intent->spec_hash);
    json::Array argv;
    for (const auto& word : intent->argv) argv.emplace_back(word);
    machine.set("argv", std::move(argv));
  }
  json::Object files;
  for (const char* name : {instance_file::kSerial, instance_file::kEvents, instance_file::kQemuErr,
                           instance_file::kQmp, instance_file::kMonitor}) {
    std::error_code ignored;
    if (std::filesystem::exists(directory / name, ignored))
      files.set(name, (directory / name).string());
  }
  machine.set("files", std::move(files));
  return machine;
}

void format_value(std::string& text, const json::Value& value, std::size_t indent) {
  const std::string margin(indent, ' ');
  if (const json::Object* object = value.as_object()) {
    for (const auto& [key, member] : *object) {
      const bool nested = (member.is_object() && !member.as_object()->empty()) ||
                          (member.is_array() && !member.as_array()->empty());
      text += margin + sanitize(key) + ":" + (nested ? "\n" : " ");
      format_value(text, member, indent + 2);
    }
  } else if (const json::Array* array = value.as_array(); array != nullptr && !array->empty()) {
    for (const auto& item : *array) {
      if (item.is_object()) text += margin + "-\n";
      format_value(text, item, item.is_object() ? indent + 2 : indent);
    }
  } else {
    const std::string* words = value.as_string();
    text += (text.empty() || text.back() == '\n' ? margin : "") +
            sanitize(words != nullptr ? *words : json::write(value)) + "\n";
  }
}

Task<int> inspect(Context& context, const std::vector<std::string>& names) {
  json::Array machines;
  std::string text;
  for (const auto& name : context.select(names)) {
    json::Value machine = inspect_one(context.directory_of(name));
    if (!text.empty()) text += "\n";
    format_value(text, machine, 0);
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
  co_return kDone;
}

}  // namespace

void add_inspect(Program& program) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App& app = program.command(group::kLook, "inspect", "all that is known of machines");
  add_names(app, *names);
  program.runs(app, [names](Context& context) { return inspect(context, *names); });
}

}  // namespace vmfleet::cli
