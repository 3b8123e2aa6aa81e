// SPDX-License-Identifier: MIT
// How mistakes in a fleet file are reported.
#include <random>

#include "tests/support/catch.hpp"
#include "tests/unit/fleet/spec_text.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("all problems are reported at once, in the order of the file") {
  const std::string text = R"(fleet = "a/b"
typo = 1
[machine.web]
memroy = "1G"
cpus = "two"
memory = 512
kernel = "k"
[[machine.web.disk]]
mode = "overly"
[machine.db]
)";
  REQUIRE(problems_in(text) ==
          Lines{
              "1:9: fleet: \"a/b\" is not a usable fleet name (a letter or digit, then letters, "
              "digits, '.', '_' or '-'; at most 63 in all)",
              "2:1: typo: unknown key (known here: fleet, defaults, machine)",
              "4:1: machine.web.memroy: unknown key (did you mean \"memory\"?)",
              "5:8: machine.web.cpus: must be an integer, and is a string",
              "6:10: machine.web.memory: must be a string, and is an integer (a size has a unit: "
              "\"512M\", \"2G\")",
              "8:1: machine.web.disk[0].file: a disk needs a file",
              "9:8: machine.web.disk[0].mode: unknown disk mode \"overly\" (did you mean "
              "\"overlay\"?)",
              "10:1: machine.db.image: there is nothing to boot (set image = \"tiny\", or kernel, "
              "or a disk)",
          });
}

TEST_CASE("one problem is the message itself, with its hint") {
  try {
    parse_machine("memory = '1X'");
    FAIL("was read");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::invalid_config);
    REQUIRE_THAT(error.message(),
                 ContainsSubstring("/fleets/demo/vmfleet.toml:3:10: machine.web.memory: "));
    REQUIRE(error.evidence().empty());
  }
}

TEST_CASE("several problems are counted, and each is a line of evidence") {
  try {
    parse_machine("a = 1\nb = 2");
    FAIL("was read");
  } catch (const Error& error) {
    REQUIRE(error.message() == "/fleets/demo/vmfleet.toml: 2 problems");
    REQUIRE(error.evidence().size() == 2);
    REQUIRE(error.evidence()[0].rfind("/fleets/demo/vmfleet.toml:3:1: ", 0) == 0);
  }
}

TEST_CASE("the machines of one class complain once") {
  REQUIRE(problems_in_machine("count = 100\nmemory = '1K'").size() == 1);
  REQUIRE(problems_in_machine("count = 100\ncpu = '{index} x'").size() == 1);
}

TEST_CASE("a mistake in the syntax is reported with its line and column") {
  const auto problems = problems_in("[machine.web]\nimage = \"tiny\n");
  REQUIRE(problems.size() == 1);
  REQUIRE_THAT(problems[0], ContainsSubstring("2:"));
  REQUIRE(problems_in("[machine.web]\nimage = 'a'\nimage = 'b'\n").size() == 1);
}

TEST_CASE("a fleet has machines") {
  REQUIRE(problems_in("").size() == 1);
  REQUIRE_THAT(problems_in("")[0], ContainsSubstring("there is no machine"));
  REQUIRE_THAT(problems_in("machine = 3")[0], ContainsSubstring("must be a table"));
  REQUIRE(problems_in("[machine]\nweb = 3")[0] ==
          "2:7: machine.web: must be a table, and is an integer");
}

TEST_CASE("every key has one type") {
  const std::vector<std::pair<const char*, const char*>> wrong = {
      {"count = '3'", "an integer"},
      {"arch = 3", "a string"},
      {"qemu = true", "a string"},
      {"accel = []", "a string"},
      {"machine = 1.5", "a string"},
      {"cpu = 1979-05-27", "a string"},
      {"cpus = 1.5", "an integer"},
      {"memory = 1", "a string"},
      {"kernel = 1", "a string"},
      {"append = 1", "a list of strings"},
      {"append = [1]", "a string"},
      {"labels = 'x'", "a table"},
      {"labels = { a = 1 }", "a string"},
      {"qemu_args = {}", "a list of strings"},
      {"paused = 'no'", "true or false"},
      {"gdb = 1234", "a string"},
      {"exit_codes = []", "a table"},
      {"restart = false", "a string"},
      {"depends_on = 'db'", "a table"},
      {"stop = 3", "a table"},
      {"stop.grace = 10", "a string"},
      {"log.limit = 64", "a string"},
      {"disk = 'x'", "a list"},
      {"disk = ['x']", "a table"},
      {"net = {}", "a list"},
      {"share = 1", "a list"},
      {"inject = 1", "a list"},
      {"ssh = 'root'", "a table"},
      {"ready = 'x'", "a table"},
      {"ready.ssh = 1", "true or false"},
      {"ready.serial = 1", "a list of"},
      {"ready.timeout = 3", "a string"},
  };
  for (const auto& [keys, expected] : wrong) {
    INFO(keys);
    const auto problems = problems_in_machine(keys);
    REQUIRE(problems.size() == 1);
    REQUIRE_THAT(problems[0], ContainsSubstring(std::string("must be ") + expected));
    REQUIRE(problems[0].rfind("3:", 0) == 0);
  }
}

TEST_CASE("every word and number is one that can be") {
  for (const char* keys : {"arch = 'x86'",
                           "accel = 'hvf'",
                           "machine = 'isapc'",
                           "cpu = 'a b'",
                           "cpus = 0",
                           "cpus = 100000",
                           "memory = '12'",
                           "memory = 'many'",
                           "gdb = 'x'",
                           "restart = 'maybe'",
                           "exit_codes = { x = 'success' }",
                           "exit_codes = { 300 = 'success' }",
                           "exit_codes = { 3 = 'fine' }",
                           "stop.grace = '10'",
                           "log.limit = '-1'",
                           "log.limit = '63K'",
                           "log.limit = '0'",
                           "stop.grase = '1s'",
                           "log.limits = '1M'",
                           "ssh.usr = 'x'",
                           "count = -1"}) {
    INFO(keys);
    const auto problems = problems_in_machine(keys);
    REQUIRE(problems.size() == 1);
    REQUIRE(problems[0].rfind("3:", 0) == 0);
  }
}

TEST_CASE("a machine boots one thing") {
  REQUIRE(problems_in_machine("kernel = 'k'").size() == 1);
  REQUIRE(problems_in_machine("initrd = 'i'").size() == 1);
  REQUIRE(problems_in_machine("append = ['quiet']").empty());
  REQUIRE(problems_in_machine("disk = [{ file = 'data.img' }]").empty());
  REQUIRE(problems_in("[machine.a]\ninitrd='i'\n").size() == 2);  // nothing to boot, no kernel
}

TEST_CASE("a problem shows hostile text without its power") {
  const auto problems = problems_in_machine("accel = \"\\u001b[2J\"");
  REQUIRE(problems.size() == 1);
  REQUIRE(problems[0].find('\x1b') == std::string::npos);
}

TEST_CASE("a class cannot lead out of the fleet's folder") {
  REQUIRE(problems_in("[machine.'../x']\nimage='t'\n").size() == 1);
  REQUIRE(problems_in("[machine.'']\nimage='t'\n").size() == 1);
  REQUIRE(problems_in("[machine.'a/b']\ncount=2\nimage='t'\n").size() == 1);
}

TEST_CASE("a damaged file is refused, never misread or fatal") {
  const std::string good =
      "fleet='a'\n[machine.a]\nimage='x'\ncount=2\nready.any=['ssh',{serial='x'}]\n"
      "net=[{forward=['ssh:22']}]\nexit_codes={31='success'}\n";
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    std::string text = good;
    for (int i = 0; i < 3; ++i)
      text[random() % text.size()] = "\"'[]{}=.,#\n\\x\xff 9"[random() % 16];
    INFO(text);
    for (const SpecFormat format : {SpecFormat::toml, SpecFormat::json}) {
      try {
        FleetSpec::parse(text, "/f/x", format);
      } catch (const Error& error) {
        REQUIRE(error.kind() == ErrorKind::invalid_config);
      }
    }
  }
}
