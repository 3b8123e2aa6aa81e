// SPDX-License-Identifier: MIT
// Texts that are injected, where they must not be seen.
#include "cli/injected_texts.hpp"

#include "tests/support/catch.hpp"

using namespace vmfleet;
using vmfleet::cli::InjectedTexts;

namespace {

InjectedTexts knowing(const std::string& text) {
  InjectedTexts texts;
  const json::Array inject{json::Object{{"via", "fw_cfg"}, {"text", text}}, json::Object{}, "odd"};
  texts.learn(json::Object{{"inject", inject}}, "web-server", "");
  return texts;
}

}  // namespace

TEST_CASE("every line of an injected text is blanked, as it is and as JSON has it") {
  const auto texts = knowing("first line\n  second \"line\"\r\n");
  CHECK(texts.blanked("a first line b second \"line\"\n") == "a (injected) b (injected)\n");
  const json::Value document = json::Object{{"seen", "second \"line\""}};
  CHECK(texts.blanked(json::write(document)) == "{\"seen\":\"(injected)\"}");
}

TEST_CASE("short words and the machine's name are no secrets") {
  const auto texts = knowing("web-server\nroot\n");
  CHECK(texts.blanked("root@web-server") == "root@web-server");
}

TEST_CASE("what is no list of injections has no texts") {
  InjectedTexts texts;
  texts.learn(nullptr, "web", "");
  texts.learn(json::Object{{"inject", "odd"}}, "web", "");
  CHECK(texts.blanked("text") == "text");
}
