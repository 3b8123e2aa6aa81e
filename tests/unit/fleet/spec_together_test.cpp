// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("two machines cannot have one name") {
  const auto problems =
      problems_in("[machine.web]\ncount=2\nimage='x'\n[machine.web-1]\nimage='x'\n");
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0], ContainsSubstring("web-1 is a machine of class"));
}

TEST_CASE("two machines cannot have one host port") {
  const auto problems = problems_in(
      "[machine.a]\nimage='x'\nnet=[{forward=['w:8080:80']}]\n"
      "[machine.b]\nimage='x'\nnet=[{forward=['w:8080:80']}]\n");
  REQUIRE(problems == Lines{"6:16: machine.b.net[0].forward[0]: a and b cannot both have host port "
                            "8080/tcp (leave the host's port out, or use {index} in it)"});
  REQUIRE(
      problems_in("[machine.a]\nimage='x'\nnet=[{forward=['w:53:53/udp','x:53:53']}]\n").empty());
  const auto two = [](const std::string& one, const std::string& other) {
    return problems_in("[machine.a]\nimage='x'\nnet=[{forward=['" + one + "']}]\n" +
                       "[machine.b]\nimage='x'\nnet=[{forward=['" + other + "']}]\n");
  };
  REQUIRE(two("w:127.0.0.2:8080:80", "w:127.0.0.3:8080:80").empty());
  REQUIRE(two("w:127.0.0.2:8080:80", "w:0.0.0.0:8080:80").size() == 1);
}

TEST_CASE("two machines cannot write to one file") {
  REQUIRE(problems_in_machine("count=2\ndisk=[{file='d', mode='direct'}]").size() == 1);
  REQUIRE(problems_in_machine("count=2\ndisk=[{file='d-{name}', mode='direct'}]").empty());
  REQUIRE(problems_in_machine("count=2\ndisk=[{file='d', mode='overlay'}]").empty());
  REQUIRE(problems_in_machine("count=2\ndisk=[{file='d', mode='read-only'}]").empty());
}

TEST_CASE("one file has many paths, and who writes to it shares it with nobody") {
  const TempDir folder;
  std::ofstream(folder / "image") << "x";
  std::filesystem::create_hard_link(folder / "image", folder / "hard");
  std::filesystem::create_symlink("image", folder / "soft");
  const auto together = [&](const std::string& name, const std::string& mode) {
    const std::string disk = "disk=[{file='" + folder.path().string() + "/";
    return problems_in("[machine.a]\nimage='x'\n" + disk + "image', mode='direct'}]\n" +
                       "[machine.b]\nimage='x'\n" + disk + name + "', mode='" + mode + "'}]\n");
  };
  for (const char* name : {"image", "hard", "soft", "./image"}) {
    INFO(name);
    const auto both = together(name, "direct");
    REQUIRE(both.size() == 1);
    REQUIRE_THAT(both[0], ContainsSubstring("machine.b.disk[0].file: a and b cannot both write"));
    const auto reader = together(name, "overlay");
    REQUIRE(reader.size() == 1);
    REQUIRE_THAT(reader[0], ContainsSubstring("a writes to the file"));
  }
  REQUIRE(together("other", "direct").empty());
}

TEST_CASE("interfaces, addresses of debuggers and MAC addresses belong to one machine") {
  REQUIRE(problems_in_machine("count=2\nnet=[{type='tap', interface='t'}]").size() == 1);
  REQUIRE(problems_in_machine("count=2\nnet=[{type='tap', interface='t{index}'}]").empty());
  REQUIRE(problems_in_machine("count=2\ngdb='1234'").size() == 1);
  const std::string mac = "mac='52:54:00:00:00:01'";
  REQUIRE(problems_in_machine("count=2\nnet=[{type='lan', lan='l', " + mac + "}]").size() == 1);
  REQUIRE(problems_in_machine("count=2\nnet=[{" + mac + "}]").empty());
}
