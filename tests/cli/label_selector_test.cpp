// SPDX-License-Identifier: MIT
#include "cli/label_selector.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;
using cli::LabelSelector;

namespace {

bool selects(std::string_view text) {
  return LabelSelector::parse(text).value().matches({{"role", "web"}, {"tier", "1"}});
}

}  // namespace

TEST_CASE("machines are selected by equal, other, present and absent labels") {
  CHECK(selects("role=web"));
  CHECK(selects("role==web"));
  CHECK_FALSE(selects("role=db"));
  CHECK(selects("role!=db"));
  CHECK(selects("zone!=a"));
  CHECK_FALSE(selects("role!=web"));
  CHECK(selects("role"));
  CHECK_FALSE(selects("zone"));
  CHECK(selects("!zone"));
  CHECK_FALSE(selects("!role"));
}

TEST_CASE("all parts of a selector must hold") {
  CHECK(selects("role=web, tier=1"));
  CHECK_FALSE(selects("role=web,tier=2"));
  CHECK(LabelSelector().matches({}));
}

TEST_CASE("a selector without a label is refused") {
  for (const std::string_view text : {"", "=web", "!", "!=x", "role=web,"}) {
    INFO(text);
    CHECK_FALSE(LabelSelector::parse(text).ok());
  }
}
