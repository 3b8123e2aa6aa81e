// SPDX-License-Identifier: MIT
// Running the real program.
#include "tests/cli/program.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/testkit/async_test.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::vector<char*> pointers(Words& words) {
  std::vector<char*> list;
  for (auto& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

std::string program_path() {
  const std::string path = variable("VMFLEET_PROGRAM");
  if (path.empty()) throw std::runtime_error("VMFLEET_PROGRAM is not set");
  return path;
}

Vmfleet::Vmfleet() {
  environment["PATH"] = variable("PATH");
  environment["HOME"] = folder().string();
  environment["VMFLEET_STATE_DIR"] = state().string();
  environment["XDG_CACHE_HOME"] = (folder_ / "cache").string();
  environment["TERM"] = "xterm";
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "VMFLEET_TESTKIT_DIR"}) {
    if (!variable(name).empty()) environment[name] = variable(name);
  }
}

Vmfleet::~Vmfleet() {
  std::error_code ignored;
  const auto& root = environment["VMFLEET_STATE_DIR"];
  for (const auto& fleet : std::filesystem::directory_iterator(root, ignored)) {
    run({"kill", "-p", fleet.path().filename().string()});
  }
}

std::vector<std::string> Vmfleet::environment_list() const {
  std::vector<std::string> list;
  for (const auto& [name, value] : environment) list.push_back(name + "=" + value);
  return list;
}

Ran Vmfleet::run_argv(Words argv) const {
  ProcessOptions options(std::move(argv));
  options.environment = environment_list();
  options.directory = folder();
  const auto output = testkit::run_async(run_process(options, Bytes::mebi(64)));
  Ran ran;
  ran.code = output.status.signal != 0 ? 128 + output.status.signal : output.status.code;
  ran.out = output.out;
  ran.err = output.err;
  return ran;
}

Ran Vmfleet::run(Words arguments) const {
  arguments.insert(arguments.begin(), program_path());
  return run_argv(std::move(arguments));
}

json::Value Vmfleet::document(Words arguments, int expected_code) const {
  arguments.insert(arguments.begin(), "--json");
  const Ran ran = run(std::move(arguments));
  INFO("stdout: " << ran.out << "\nstderr: " << ran.err);
  REQUIRE(ran.code == expected_code);
  auto document = json::parse(ran.out);
  REQUIRE(document.ok());
  return std::move(document).value();
}

Ran Vmfleet::shell(const std::string& line) const {
  const std::string script = "exec 2>&1\nvmfleet() { \"$PROGRAM\" \"$@\"; }\n" + line;
  return run_argv({"env", "PROGRAM=" + program_path(), "sh", "-c", script});
}

const json::Value& machine(const json::Value& document, std::size_t index) {
  return document["machines"].as_array()->at(index);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Words up_with(const std::string& guest, const Words& more) {
  Words words = {"up",      "--kernel", testkit::guest_path(guest).string(),
                 "--accel", "tcg",      "--memory",
                 "32M",     "--ready",  "serial=vmfleet: guest ready"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::filesystem::path golden_folder() {
  return variable("VMFLEET_GOLDEN");
}

LinuxWorld::LinuxWorld(const std::string& ready, const std::string& state_folder) {
  environment["VMFLEET_STATE_DIR"] = (folder() / state_folder).string();
  const std::string cache = variable("XDG_CACHE_HOME");
  environment["XDG_CACHE_HOME"] = cache.empty() ? variable("HOME") + "/.cache" : cache;
  const Ran up = run({"up", "--accel", "tcg", "--ready", "serial=guest ready", "--ready", ready});
  INFO(up.err);
  REQUIRE(up.code == 0);
}

std::string read_golden(const std::string& name) {
  std::ifstream file(golden_folder() / name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void compare_with_golden(const std::string& name, const std::string& seen) {
  if (!variable("VMFLEET_UPDATE_GOLDEN").empty()) {
    std::ofstream(golden_folder() / name) << seen;
    return;
  }
  CHECK(seen == read_golden(name));
}

}  // namespace vmfleet::test
