// SPDX-License-Identifier: MIT
// The table `depends_on`: reading it, and what of all classes together cannot be.
#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "fleet/dependencies.hpp"
#include "fleet/spec_document.hpp"
#include "fleet/spec_machine.hpp"

namespace vmfleet::spec {
namespace {

constexpr const char* kDependsOn = "depends_on";

/// The dependencies of one class, where they stand.
class DependencyCheck {
 public:
  DependencyCheck(const FleetSpec& fleet, const MachineSpec& machine, const Node& node,
                  Problems& problems)
      : fleet_(fleet), machine_(machine), node_(node), problems_(problems) {}

  void check_all() {
    for (const auto& [other, condition] : machine_.depends_on) check(other, condition);
  }

  void add(const std::string& other, const std::string& what, const std::string& hint) {
    problems_.add(place_of(other),
                  fmt::format("machine.{}.{}.{}", machine_.machine_class, kDependsOn, other), what,
                  hint);
  }

 private:
  void check(const std::string& other, DependencyCondition condition) {
    if (other == machine_.machine_class) {
      add(other, "a machine cannot wait for its own class", "remove it");
    } else if (const MachineSpec* needed = find_class(other)) {
      check_condition(*needed, condition);
    } else {
      add(other, fmt::format("there is no machine class \"{}\"", other), class_hint(other));
    }
  }

  void check_condition(const MachineSpec& needed, DependencyCondition condition) {
    if (needed.restart == RestartPolicy::always && condition == DependencyCondition::completed) {
      add(needed.machine_class,
          fmt::format("{} is always started again, and never completed", needed.machine_class),
          fmt::format("set its restart to \"{}\"", to_string(RestartPolicy::on_failure)));
    }
    if (!needed.config.paused || condition == DependencyCondition::started) return;
    add(needed.machine_class,
        fmt::format("{} starts paused, and is not {} by itself", needed.machine_class,
                    to_string(condition)),
        "set \"started\"");
  }

  [[nodiscard]] const MachineSpec* find_class(const std::string& name) const {
    for (const auto& machine : fleet_.machines) {
      if (machine.machine_class == name) return &machine;
    }
    return nullptr;
  }

  [[nodiscard]] std::string class_hint(const std::string& unknown) const {
    std::vector<std::string> classes;
    for (const auto& machine : fleet_.machines) {
      const std::string& name = machine.machine_class;
      if (machine.config.name == unknown) return fmt::format("name its class: \"{}\"", name);
      if (name == machine_.machine_class) continue;
      if (classes.empty() || classes.back() != name) classes.push_back(name);
    }
    if (classes.empty()) return "it is the only one";
    const std::string_view near = nearest(unknown, classes);
    return near.empty() ? "the others are: " + join(classes, ", ")
                        : fmt::format("did you mean \"{}\"?", near);
  }

  [[nodiscard]] Place place_of(const std::string& other) const {
    const Node& table = nearest_node(node_, kDependsOn);
    for (const Node::Member& member : table.members) {
      if (member.key == other) return member.place;
    }
    return table.place;
  }

  const FleetSpec& fleet_;
  const MachineSpec& machine_;
  const Node& node_;
  Problems& problems_;
};

}  // namespace

void read_dependencies(Table& table, MachineSpec& machine) {
  const Node* node = table.any(kDependsOn);
  if (node == nullptr) return;
  const std::string example = "depends_on = { db = \"ready\" }";
  if (node->kind != Kind::table) {
    table.add(kDependsOn, fmt::format("must be a table, and is {}", describe(node->kind)), example);
    return;
  }
  Table keys(*node, table.path_of(kDependsOn), table.problems());
  for (const Node::Member& member : node->members) {
    DependencyCondition condition = DependencyCondition::ready;
    keys.word(member.key, parse_dependency_condition, condition);
    machine.depends_on.emplace(member.key, condition);
  }
}

void check_dependencies(const FleetSpec& fleet, const std::vector<Node>& nodes,
                        Problems& problems) {
  DependencyGraph graph = graph_of(fleet.machines);
  for (auto& [node, edges] : graph) edges.erase(node);  // was reported
  const auto cycle = find_cycle(graph);
  for (std::size_t i = 0; i < fleet.machines.size(); ++i) {
    const MachineSpec& machine = fleet.machines[i];
    if (machine.index > 0) continue;  // the machines of one class share their lines
    DependencyCheck check(fleet, machine, nodes[i], problems);
    check.check_all();
    if (cycle.empty() || machine.machine_class != cycle[0]) continue;
    check.add(cycle[1], "they would wait for each other: " + join(cycle, " → "),
              "remove one of these dependencies");
  }
}

}  // namespace vmfleet::spec
