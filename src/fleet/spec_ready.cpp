// SPDX-License-Identifier: MIT
// The `ready` table: conditions as keys that must all hold, or as a list of which one is enough.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "fleet/spec_machine.hpp"

namespace vmfleet::spec {
namespace {

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

void read_conditions(Table& table, Readiness& ready) {
  const auto more = [&](std::string_view key, std::vector<std::string>& into) {
    std::vector<std::string> values;
    table.texts(key, values);
    append(into, values);
  };
  const auto flag = [&](std::string_view key, bool& into) {
    bool value = false;
    table.flag(key, value);
    into = into || value;
  };
  more("serial", ready.serial);
  more("regex", ready.regex);
  more("port", ready.ports);
  more("event", ready.events);
  flag("ssh", ready.ssh);
  flag("agent", ready.agent);
  flag("exit", ready.exit);
}

/// `serial=TEXT` as one element of the table's meaning.
Node table_of_words(const std::string& words, const Place& place) {
  const auto equals = words.find('=');
  Node table(Kind::table, place);
  Node value(Kind::flag, place);
  value.flag = true;
  if (equals != std::string::npos) value = Node::make_text(words.substr(equals + 1), place);
  table.set(words.substr(0, equals), std::move(value));
  return table;
}

void read_any(Table& table, Readiness& ready) {
  const Node* list = table.any("any");
  if (list == nullptr) return;
  if (list->kind != Kind::list) {
    table.add("any", fmt::format("must be a list of conditions, and is {}", describe(list->kind)));
    return;
  }
  if (!ready.empty()) {
    table.add("any", "conditions stand either beside each other or in any, not both");
  }
  ready.any = true;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = list->items[i];
    const std::string path = fmt::format("{}[{}]", table.path_of("any"), i);
    const Node node = item.kind == Kind::text ? table_of_words(item.text, item.place) : item;
    if (node.kind != Kind::table || node.members.size() != 1) {
      table.problems().add(item.place, path, "must be one condition",
                           "such as { serial = \"login:\" } or \"serial=login:\"");
      continue;
    }
    Table condition(node, path, table.problems());
    read_conditions(condition, ready);
    condition.finish();
  }
}

}  // namespace

void read_ready(Table& table, MachineReader& reader) {
  const Node* node = table.table("ready");
  if (node == nullptr) return;
  Readiness& ready = reader.machine.ready;
  Table keys(*node, table.path_of("ready"), table.problems());
  read_conditions(keys, ready);
  read_any(keys, ready);
  const Node* timeout = keys.any("timeout");
  if (timeout != nullptr && timeout->text == "none") {
    ready.timeout = Readiness::kNoTimeout;
  } else {
    keys.duration("timeout", [&](Milliseconds given) { ready.timeout = given; });
  }
  std::vector<std::string> fail;
  keys.texts("fail", fail);
  if (node->find("fail") != nullptr) ready.fail = fail;
  keys.finish();
}

}  // namespace vmfleet::spec
