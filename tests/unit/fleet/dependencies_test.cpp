// SPDX-License-Identifier: MIT
#include "fleet/dependencies.hpp"

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

using Names = std::vector<std::string>;

MachineSpec machine_of(const std::string& machine_class, const std::string& name,
                       const Names& needed = {}) {
  MachineSpec machine;
  machine.machine_class = machine_class;
  machine.config.name = name;
  for (const auto& other : needed) machine.depends_on[other] = DependencyCondition::ready;
  return machine;
}

/// front needs web, web needs db; alone needs nobody.
std::vector<MachineSpec> chain() {
  return {machine_of("front", "front", {"web"}), machine_of("alone", "alone"),
          machine_of("web", "web-0", {"db"}), machine_of("web", "web-1", {"db"}),
          machine_of("db", "db")};
}

}  // namespace

TEST_CASE("a cycle is found with its way, and only when there is one") {
  CHECK(find_cycle({}).empty());
  CHECK(find_cycle({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}, {"d", {}}}).empty());
  CHECK(find_cycle({{"a", {"a"}}}) == Names{"a", "a"});
  CHECK(find_cycle({{"a", {"b"}}, {"b", {"c"}}, {"c", {"b"}}}) == Names{"b", "c", "b"});
  CHECK(find_cycle({{"a", {"missing"}}}).empty());
}

TEST_CASE("machines without an order are refused") {
  CHECK_NOTHROW(require_order(chain()));
  auto cyclic = chain();
  cyclic[4].depends_on["front"] = DependencyCondition::started;
  CHECK_THROWS_WITH(require_order(cyclic), ContainsSubstring("db → front → web → db"));
  auto lost = chain();
  lost.pop_back();
  CHECK_THROWS_WITH(require_order(lost), ContainsSubstring("web depends on db"));
}

TEST_CASE("a selection takes along all that it depends on, in the specification's order") {
  CHECK(with_dependencies(chain(), {"web-1"}) == Names{"web-1", "db"});
  CHECK(with_dependencies(chain(), {"front"}) == Names{"front", "web-0", "web-1", "db"});
  CHECK(with_dependencies(chain(), {"alone"}) == Names{"alone"});
}

TEST_CASE("sorted machines come after what they depend on") {
  auto machines = chain();
  sort_by_dependencies(machines);
  Names names;
  for (const auto& machine : machines) names.push_back(machine.config.name);
  CHECK(names == Names{"alone", "db", "web-0", "web-1", "front"});
}

TEST_CASE("a condition has one word; others' words lead to it") {
  for (const auto condition :
       {DependencyCondition::started, DependencyCondition::ready, DependencyCondition::completed}) {
    CHECK(parse_dependency_condition(to_string(condition)).value() == condition);
  }
  CHECK(parse_dependency_condition("redy").error().hint() == "did you mean \"ready\"?");
  CHECK(parse_dependency_condition("service_healthy").error().hint() == "did you mean \"ready\"?");
  CHECK(parse_dependency_condition("exited").error().hint() == "did you mean \"completed\"?");
  CHECK(parse_dependency_condition("blue").error().hint() == "one of: started, ready, completed");
}

TEST_CASE("dependencies are read from a record as far as they make sense") {
  const Dependencies all = {{"db", DependencyCondition::ready},
                            {"seed", DependencyCondition::completed}};
  CHECK(dependencies_from_json(to_json(all)) == all);
  CHECK(dependencies_from_json(json::Object{{"db", 3}, {"seed", "gone"}}).empty());
  CHECK(dependencies_from_json(nullptr).empty());
}
