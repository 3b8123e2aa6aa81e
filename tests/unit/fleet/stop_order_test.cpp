// SPDX-License-Identifier: MIT
#include "fleet/stop_order.hpp"

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/instance/intent.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

using Names = std::vector<std::string>;

/// A fleet's folder with records of machines.
struct Records {
  void add(const std::string& name, const std::string& machine_class,
           const std::string& depends_on = "{}") {
    Intent intent;
    intent.spec =
        json::Object{{"class", machine_class},
                     {"keys", json::Object{{"depends_on", json::parse(depends_on).value()}}}};
    write_intent(InstanceDirectory::create(root.path(), "demo", name), intent);
  }

  /// The machines in the order in which their turns come.
  Names turns(const Names& names) {
    Loop loop;
    StopOrder order(root / "demo", names);
    Names ended;
    auto body = [&](TaskGroup& group) -> Task<void> {
      for (const auto& name : names) {
        auto end = [&order, &ended, name]() -> Task<void> {
          co_await order.await_turn(name);
          ended.push_back(name);
          order.ended(name);
        };
        group.start(end);
      }
      co_return;
    };
    loop.run(with_task_group(body));
    return ended;
  }

  const TempDir root;
};

}  // namespace

TEST_CASE("machines end before those that they depend on") {
  Records records;
  records.add("db", "db");
  records.add("web-0", "web", R"({"db": "ready"})");
  records.add("web-1", "web", R"({"db": "ready"})");
  records.add("front", "front", R"({"web": "started"})");
  CHECK(records.turns({"db", "front", "web-0", "web-1"}) == Names{"front", "web-0", "web-1", "db"});
  CHECK(records.turns({"db", "front"}) == Names{"db", "front"});
}

TEST_CASE("records that contradict each other, or say nothing, hold nothing up") {
  Records records;
  records.add("a", "a", R"({"b": "ready"})");
  records.add("b", "b", R"({"a": "ready"})");
  InstanceDirectory::create(records.root.path(), "demo", "c");
  CHECK(records.turns({"a", "b", "c", "gone"}) == Names{"a", "b", "c", "gone"});
}
