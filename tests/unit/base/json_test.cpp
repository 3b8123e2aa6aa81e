// SPDX-License-Identifier: MIT
#include <limits>

#include <vmfleet/base/json.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;
using json::parse;
using json::write;

TEST_CASE("a document survives reading and writing") {
  const std::string text =
      R"({"b":1,"a":[true,null,-2,3.5,"x\n\"\\\u0001"],"big":18446744073709551615,"o":{},"e":[]})";
  REQUIRE(write(parse(text).value()) == text);
}

TEST_CASE("members keep their order and indentation is readable") {
  const json::Value value = json::Object{{"z", 1}, {"a", json::Array{1, 2}}};
  REQUIRE(write(value, 2) == "{\n  \"z\": 1,\n  \"a\": [\n    1,\n    2\n  ]\n}");
}

TEST_CASE("invalid UTF-8 becomes the replacement character, so that output stays JSON") {
  const json::Value value = std::string("a\xff\xc3z");
  REQUIRE(write(value) == "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
  REQUIRE(parse(write(value)).ok());
}

TEST_CASE("what was read is written in the same bytes again") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  for (int code = 0x80; code < 0xa0; ++code) all += {'\xc2', static_cast<char>(code)};
  const std::string once = write(all);
  REQUIRE(write(parse(once).value()) == once);
}

TEST_CASE("no control character is written as it is, nor one that follows in two bytes") {
  REQUIRE(write(std::string("\x7f\xc2\x80\xc2\x9b\xc2\xa0")) ==
          "\"\\u007f\\u0080\\u009b\xc2\xa0\"");
}

TEST_CASE("bad JSON is an error that shows the beginning, without control characters") {
  const auto result = parse("{\"a\": \x1b[31m");
  REQUIRE_FALSE(result.ok());
  REQUIRE(result.error().kind() == ErrorKind::protocol);
  REQUIRE(result.error().evidence().front().find('\x1b') == std::string::npos);
}

TEST_CASE("missing members read as null, empty text or the given default") {
  const auto value = parse(R"({"n": 5, "s": "x", "f": true})").value();
  REQUIRE(value.integer("n", 0) == 5);
  REQUIRE(value.integer("s", -1) == -1);
  REQUIRE(value.text("s") == "x");
  REQUIRE(value.text("missing").empty());
  REQUIRE(value["missing"]["deeper"].is_null());
  REQUIRE(value.flag("f", false));
}

TEST_CASE("a list of texts comes back without what is no text") {
  const std::vector<std::string> texts{"b", "", "a"};
  const json::Value value = json::Object{{"texts", json::to_array(texts)}};
  REQUIRE(value.texts("texts") == texts);
  REQUIRE(json::parse(R"({"list": ["a", 1, null, "b"], "one": "a"})").value().texts("list") ==
          std::vector<std::string>{"a", "b"});
  REQUIRE(json::parse(R"({"one": "a"})").value().texts("one").empty());
  REQUIRE(value.texts("none").empty());
}

TEST_CASE("integers beyond the signed range are not truncated") {
  REQUIRE_FALSE(parse("18446744073709551615").value().as_int().has_value());
  REQUIRE(parse("-9223372036854775808").value().as_int() ==
          std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("a table of texts becomes an object and comes back") {
  const std::map<std::string, std::string> texts = {{"role", "web"}, {"zone", ""}};
  const json::Value value = json::Object{{"labels", json::to_object(texts)}, {"n", 1}};
  REQUIRE(value.named_texts("labels") == texts);
  REQUIRE(value.named_texts("n").empty());
  REQUIRE(parse(R"({"o": {"role": "web", "n": 1}})").value().named_texts("o").size() == 1);
}

TEST_CASE("set replaces, append does not look") {
  json::Object object;
  object.set("a", 1).set("a", 2);
  REQUIRE(object.size() == 1);
  REQUIRE(object.find("a")->as_int() == 2);
}
