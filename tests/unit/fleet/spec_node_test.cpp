// SPDX-License-Identifier: MIT
#include "fleet/spec_node.hpp"

#include "fleet/spec_syntax.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet::spec;

TEST_CASE("a path leads to the nearest value that exists") {
  const Node root = read_toml("a = 1\n[[disk]]\nfile = 'x'\n[[disk]]\nfile = 'y'\n", "f");
  REQUIRE(nearest_node(root, "disk[1].file").text == "y");
  REQUIRE(nearest_node(root, "disk[1].mode").place.line == 4);
  REQUIRE(&nearest_node(root, "disk[7].mode") == root.find("disk"));
  REQUIRE(nearest_node(root, "a.b.c").integer == 1);
  REQUIRE(&nearest_node(root, "none") == &root);
  REQUIRE(&nearest_node(root, "") == &root);
}

TEST_CASE("tables are merged key by key and everything else is replaced") {
  const Node base = read_toml("a = 1\nlist = [1, 2]\n[t]\nx = 1\ny = 1\n", "base");
  const Node over = read_toml("\n\n\nlist = [3]\nnew = true\n[t]\ny = 2\n", "over");
  const Node merged = merge(base, over);
  REQUIRE(merged.find("a")->integer == 1);
  REQUIRE(merged.find("list")->items.size() == 1);
  REQUIRE(merged.find("new")->flag);
  REQUIRE(merged.find("t")->find("x")->integer == 1);
  REQUIRE(merged.find("t")->find("y")->integer == 2);
  REQUIRE(merged.find("list")->place.line == 4);
}

TEST_CASE("TOML and JSON read into the same kinds of values") {
  const Node toml = read_toml("s='x'\ni=1\nr=1.5\nb=true\nd=1979-05-27\nl=[]\nt={}\n", "f");
  const Node json = read_json(R"({"s":"x","i":1,"r":1.5,"b":true,"d":null,"l":[],"t":{}})", "f");
  for (const char* key : {"s", "i", "r", "b", "d", "l", "t"}) {
    INFO(key);
    REQUIRE(toml.find(key)->kind == json.find(key)->kind);
  }
}
