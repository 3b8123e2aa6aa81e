// SPDX-License-Identifier: MIT
#include "cli/qmp_arguments.hpp"

#include "tests/support/catch.hpp"

using vmfleet::cli::parse_qmp_arguments;
namespace json = vmfleet::json;

namespace {

std::string read(const std::vector<std::string>& words) {
  return json::write(parse_qmp_arguments(words).value());
}

}  // namespace

TEST_CASE("words become members, with JSON values where they are JSON") {
  CHECK(read({"id=net0", "up=false", "n=3", "list=[1,2]", "text=\"5\""}) ==
        R"({"id":"net0","up":false,"n":3,"list":[1,2],"text":"5"})");
}

TEST_CASE("a value may contain anything, also nothing") {
  CHECK(read({"command-line=info usernet", "empty=", "a=b=c"}) ==
        R"({"command-line":"info usernet","empty":"","a":"b=c"})");
}

TEST_CASE("dots make objects inside objects") {
  CHECK(read({"backend.type=null", "backend.data.x=1"}) ==
        R"({"backend":{"type":null,"data":{"x":1}}})");
}

TEST_CASE("a JSON object is taken as it is") {
  CHECK(read({R"( {"a.b": [null]})"}) == R"({"a.b":[null]})");
  CHECK(read({}) == "null");
}

TEST_CASE("arguments that cannot be meant are refused") {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"word"},
                                                {"=1"},
                                                {"a=1", "a=2"},
                                                {"a=1", "a.b=2"},
                                                {"a..b=1"},
                                                {"{broken"},
                                                {"{}", "a=1"}}) {
    CHECK_FALSE(parse_qmp_arguments(words).ok());
  }
}
