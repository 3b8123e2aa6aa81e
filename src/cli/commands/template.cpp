// SPDX-License-Identifier: MIT
// vmfleet template: saved machines, from which others start.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/fleet/template_store.hpp>

#include "cli/arguments.hpp"
#include "cli/commands/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/program.hpp"
#include "cli/sizes.hpp"
#include "cli/table.hpp"

namespace vmfleet::cli {

namespace {

json::Value to_json(const MachineTemplate& one) {
  json::Object object;
  object.set("key", one.key);
  object.set("qemu", one.qemu);
  object.set("created", one.created);
  object.set("memory", one.memory.count());
  object.set("bytes", one.size.count());
  object.set("dir", one.directory.string());
  return object;
}

Task<int> list_templates(Context& context) {
  const auto templates = TemplateStore().list();
  if (context.globals.json) {
    json::Array array;
    for (const auto& one : templates) array.push_back(to_json(one));
    json::Object document;
    document.set("schema", "vmfleet.template-ls/1");
    document.set("templates", std::move(array));
    context.answer(std::move(document));
    co_return kDone;
  }
  if (templates.empty()) {
    context.say("no templates yet; vmfleet up --clone makes those that it needs");
    co_return kDone;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : templates) {
    auto& row = rows.emplace_back();
    row.push_back(one.key);
    row.push_back(to_string(one.memory));
    row.push_back(rounded(one.size));
    row.push_back(one.qemu);
    row.push_back(one.created);
    row.push_back(one.directory.string());
  }
  const std::vector<std::string> titles{"KEY", "MEMORY", "ON DISK", "QEMU", "CREATED", "DIRECTORY"};
  context.out.write(format_table(titles, rows));
  co_return kDone;
}

struct RemoveArguments {
  RemoveArguments() = default;
  std::vector<std::string> keys;
  bool all = false;
};

std::vector<std::string> wanted_keys(const TemplateStore& store, const RemoveArguments& arguments) {
  if (arguments.all == !arguments.keys.empty()) {
    throw Error(ErrorKind::invalid_config, "say which templates: their keys, or --all")
        .hint("`vmfleet template ls` shows all");
  }
  std::vector<std::string> keys = arguments.keys;
  if (arguments.all) {
    keys = store.keys();  // those that are damaged, too
  }
  return keys;
}

/// As many as can be; the last failure is the command's.
Task<int> remove_templates(Context& context, const RemoveArguments& arguments) {
  const TemplateStore store;
  std::optional<Error> failed;
  for (const auto& key : wanted_keys(store, arguments)) {
    try {
      store.remove(key);
    } catch (const Error& error) {
      if (failed) context.say("vmfleet: " + failed->message());
      failed = error;
    }
  }
  if (failed) throw *failed;
  co_return kDone;
}

}  // namespace

void add_template(Program& program) {
  CLI::App& app = program.command(group::kHost, "template", "saved machines to start others from");
  CLI::App& list = program.command_below(app, "ls", "list the templates that are kept");
  program.runs(list, [](Context& context) { return list_templates(context); });
  auto arguments = std::make_shared<RemoveArguments>();
  CLI::App& remove = program.command_below(app, "rm", "remove templates; machines run on");
  add_positionals(remove, "KEY", arguments->keys, "as template ls shows them");
  add_flag(remove, "--all", arguments->all, "all of them");
  program.runs(remove,
               [arguments](Context& context) { return remove_templates(context, *arguments); });
}

}  // namespace vmfleet::cli
