// SPDX-License-Identifier: MIT
// Dependencies: their words, and the graph that they make.
#include "fleet/dependencies.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

namespace vmfleet {

namespace {

constexpr std::array<std::pair<std::string_view, DependencyCondition>, 3> kConditions = {{
    {"started", DependencyCondition::started},
    {"ready", DependencyCondition::ready},
    {"completed", DependencyCondition::completed},
}};

/// What others call them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kSynonyms = {{
    {"service_started", "started"},
    {"running", "started"},
    {"service_healthy", "ready"},
    {"healthy", "ready"},
    {"service_completed_successfully", "completed"},
    {"exited", "completed"},
    {"exit", "completed"},
    {"stopped", "completed"},
}};

std::string condition_hint(std::string_view word) {
  std::vector<std::string> words;
  for (const auto& [known, condition] : kConditions) words.emplace_back(known);
  std::string_view meant = nearest(word, words);
  for (const auto& [synonym, known] : kSynonyms) {
    if (synonym == word) meant = known;
  }
  return meant.empty() ? "one of: " + join(words, ", ")
                       : fmt::format("did you mean \"{}\"?", meant);
}

/// A depth-first walk that remembers the way that it came.
class CycleSearch {
 public:
  explicit CycleSearch(const DependencyGraph& graph) : graph_(graph) {}

  bool visit(const std::string& node) {
    way_.push_back(node);
    if (std::find(way_.begin(), way_.end() - 1, node) != way_.end() - 1) return true;
    const auto edges = graph_.find(node);
    if (edges != graph_.end() && done_.count(node) == 0) {
      for (const auto& next : edges->second) {
        if (visit(next)) return true;
      }
    }
    done_.insert(node);
    way_.pop_back();
    return false;
  }

  /// After a visit that found one.
  [[nodiscard]] std::vector<std::string> cycle() const {
    return std::vector<std::string>(std::find(way_.begin(), way_.end(), way_.back()), way_.end());
  }

 private:
  const DependencyGraph& graph_;
  std::vector<std::string> way_;
  std::set<std::string> done_;
};

void add_with_dependencies(const DependencyGraph& graph, const std::string& node,
                           std::set<std::string>& into) {
  if (!into.insert(node).second) return;
  const auto edges = graph.find(node);
  if (edges == graph.end()) return;
  for (const auto& next : edges->second) add_with_dependencies(graph, next, into);
}

}  // namespace

std::string_view to_string(DependencyCondition condition) noexcept {
  for (const auto& [word, value] : kConditions) {
    if (value == condition) return word;
  }
  return "ready";
}

Result<DependencyCondition> parse_dependency_condition(std::string_view word) {
  for (const auto& [known, condition] : kConditions) {
    if (known == word) return condition;
  }
  return Error(ErrorKind::invalid_config,
               fmt::format("\"{}\" is nothing that can be waited for", word))
      .hint(condition_hint(word));
}

json::Object to_json(const Dependencies& dependencies) {
  json::Object object;
  for (const auto& [machine_class, condition] : dependencies) {
    object.set(machine_class, to_string(condition));
  }
  return object;
}

Dependencies dependencies_from_json(const json::Value& value) {
  Dependencies dependencies;
  const json::Object* object = value.as_object();
  if (object == nullptr) return dependencies;
  for (const auto& [machine_class, word] : *object) {
    if (!word.is_string()) continue;
    const auto condition = parse_dependency_condition(*word.as_string());
    if (condition) dependencies.emplace(machine_class, *condition);
  }
  return dependencies;
}

DependencyGraph graph_of(const std::vector<MachineSpec>& machines) {
  DependencyGraph graph;
  for (const auto& machine : machines) {
    auto& edges = graph[machine.machine_class];
    for (const auto& [other, condition] : machine.depends_on) edges.insert(other);
  }
  return graph;
}

std::vector<std::string> find_cycle(const DependencyGraph& graph) {
  CycleSearch search(graph);
  for (const auto& [node, edges] : graph) {
    if (search.visit(node)) return search.cycle();
  }
  return {};
}

void require_order(const std::vector<MachineSpec>& machines) {
  const DependencyGraph graph = graph_of(machines);
  for (const auto& [node, edges] : graph) {
    for (const auto& other : edges) {
      if (graph.count(other) > 0) continue;
      throw Error(ErrorKind::invalid_config,
                  fmt::format("{} depends on {}, which the fleet does not have", node, other));
    }
  }
  const auto cycle = find_cycle(graph);
  if (cycle.empty()) return;
  throw Error(ErrorKind::invalid_config, "machines depend on each other: " + join(cycle, " → "));
}

std::vector<std::string> with_dependencies(const std::vector<MachineSpec>& machines,
                                           const std::vector<std::string>& selected) {
  const DependencyGraph graph = graph_of(machines);
  const auto is_selected = [&](const MachineSpec& machine) {
    return std::find(selected.begin(), selected.end(), machine.config.name) != selected.end();
  };
  std::set<std::string> needed;
  for (const auto& machine : machines) {
    if (!is_selected(machine)) continue;
    for (const auto& [other, condition] : machine.depends_on) {
      add_with_dependencies(graph, other, needed);
    }
  }
  std::vector<std::string> names;
  for (const auto& machine : machines) {
    if (is_selected(machine) || needed.count(machine.machine_class) > 0) {
      names.push_back(machine.config.name);
    }
  }
  return names;
}

void sort_by_dependencies(std::vector<MachineSpec>& machines) {
  const DependencyGraph graph = graph_of(machines);
  // Who depends on another one has more below it.
  std::map<std::string, std::size_t> below;
  for (const auto& [node, edges] : graph) {
    std::set<std::string> all;
    add_with_dependencies(graph, node, all);
    below[node] = all.size();
  }
  std::stable_sort(machines.begin(), machines.end(),
                   [&](const MachineSpec& a, const MachineSpec& b) {
                     return below[a.machine_class] < below[b.machine_class];
                   });
}

}  // namespace vmfleet
