// SPDX-License-Identifier: MIT
// Loading scripts, and the scripts of the tiny guests.
#include "testkit/fake_qemu/script.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <vmfleet/base/error.hpp>

namespace vmfleet::testkit {
namespace {

// The same output as the guests of these names in ../guests.
constexpr const char* kTinyGuests = R"({
"marker": [{"write": "vmfleet: guest ready\n"}],
"echo": [{"write": "vmfleet: guest ready\n"}, {"echo": true}],
"login": [{"write": "login: "}, {"read_line": true}, {"write": "\nwelcome {line}\n"},
          {"again": true}],
"flood": [{"write": "line {n}\n", "times": "append", "burst": 100, "every_ms": 1},
          {"write": "vmfleet: guest ready\n"}],
"count": [{"write": "vmfleet: guest ready\n"},
          {"write": "count {n}\n", "times": -1, "every_ms": "append", "otherwise": 10}],
"late": [{"wait_ms": "append", "otherwise": 300}, {"write": "vmfleet: guest ready\n"}],
"say": [{"write": "{append}\nvmfleet: guest ready\n"}],
"hang": [],
"halt": [],
"reset": [{"write": "vmfleet: guest resets\n"}, {"wait_ms": 20}, {"reset": true}],
"triple_fault": [{"write": "vmfleet: guest faults\n"}, {"wait_ms": 20}, {"reset": true}],
"poweroff": [{"write": "vmfleet: guest ready\n"}, {"shutdown": true}],
"button": [{"write": "vmfleet: guest ready\n"}],
"exit_code": [{"write": "vmfleet: guest ready\n"}, {"debug_exit": "append", "otherwise": 16}],
"panic": [{"write": "[    0.500000] Kernel panic - not syncing: test\n"},
          {"write": "[    0.500001] ---[ end Kernel panic - not syncing: test ]---\n"},
          {"panic": true}]
})";
constexpr const char* kOnPowerdown =
    R"([{"write": "vmfleet: guest switches off\n"}, {"shutdown": true}])";

const json::Array kNothing;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Error(ErrorKind::not_found, "cannot read the script " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

json::Value from_environment() {
  const char* where = std::getenv("FAKE_QEMU_SCRIPT");
  if (where == nullptr || *where == '\0') return json::Object();
  return json::parse(*where == '{' ? std::string(where) : read_file(where)).value();
}

}  // namespace

Script Script::load(const Options& options) {
  const json::Value document = from_environment();
  json::Object merged;
  const std::string guest = std::filesystem::path(options.kernel).stem().string();
  const json::Value tiny = json::parse(kTinyGuests).value();
  merged.set("guest", tiny[guest].as_array() != nullptr ? tiny[guest] : tiny["marker"]);
  if (guest == "button") merged.set("on_powerdown", json::parse(kOnPowerdown).value());
  // A machine's own entry wins over what holds for all.
  for (const json::Value* layer : {&document, &document["machines"][options.name]}) {
    if (layer->as_object() == nullptr) continue;
    for (const auto& [key, value] : *layer->as_object()) merged.set(key, value);
  }
  Script script;
  script.root_ = std::move(merged);
  return script;
}

bool Script::ignores(std::string_view what) const {
  const json::Array* list = root_["ignore"].as_array();
  if (list == nullptr) return false;
  for (const json::Value& word : *list) {
    if (word.as_string() != nullptr && *word.as_string() == what) return true;
  }
  return false;
}

const json::Array& Script::guest() const {
  const json::Array* steps = root_["guest"].as_array();
  return steps == nullptr ? kNothing : *steps;
}

const json::Array& Script::on_powerdown() const {
  const json::Array* steps = root_["on_powerdown"].as_array();
  return steps == nullptr ? kNothing : *steps;
}

}  // namespace vmfleet::testkit
