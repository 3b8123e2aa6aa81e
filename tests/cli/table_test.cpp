// SPDX-License-Identifier: MIT
#include "cli/table.hpp"

#include "cli/columns.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet::cli;

TEST_CASE("columns are as wide as their widest cell and nothing follows the last one") {
  CHECK(format_table({"NAME", "STATE"}, {{"web-10", "ready"}, {"a", ""}}) ==
        "NAME    STATE\n"
        "web-10  ready\n"
        "a       -\n");
}

TEST_CASE("a cell cannot send escape sequences to the terminal") {
  CHECK(format_table({"A"}, {{"\x1b[2J"}}) == "A\n\\x1b[2J\n");
}

TEST_CASE("columns count characters, and wide ones twice") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("h\xc3\xa9llo \xe2\x80\xa6") == 7);
  CHECK(display_width("漢字") == 4);
  CHECK(fit_columns("abcdef", 4) == "abc…");
  CHECK(fit_columns("漢字漢字", 4) == "漢…");
  CHECK(fit_columns("abc", 3) == "abc");
  CHECK(fit_columns("abc", 0).empty());
}
