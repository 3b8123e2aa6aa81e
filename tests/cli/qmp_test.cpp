// SPDX-License-Identifier: MIT
// vmfleet qmp against a scripted server.
#include <array>
#include <map>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/io/unix_socket.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;
using test::Words;

namespace {

constexpr std::string_view kGreeting =
    R"({"QMP": {"version": {"qemu": {"major": 9, "minor": 1, "micro": 0}, "package": ""}, "capabilities": []}})"
    "\n";

const std::string kCapabilities = "{\"return\": {}, \"id\": {id}}\n";

/// What a server says after each line that it reads; `{id}` is the line's id.
struct Script {
  std::vector<std::string> answers;
  std::vector<std::string> heard;
};

std::string fill_id(const std::string& answer, const std::string& line) {
  const json::Value request = json::parse(line).value();
  return replace_all(answer, "{id}", json::write(request["id"]));
}

Task<void> serve(UnixListener& listener, Script& script) {
  UnixSocket socket = co_await listener.accept();
  co_await socket.write(kGreeting);
  std::string pending;
  std::array<char, 4096> buffer;
  std::size_t next = 0;
  for (;;) {
    const std::size_t count = co_await socket.read(buffer);
    if (count == 0) co_return;
    pending.append(buffer.data(), count);
    for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      script.heard.push_back(line);
      if (next == script.answers.size()) continue;
      const std::string answer = fill_id(script.answers[next++], line);
      co_await socket.write(answer);
    }
  }
}

Task<Ran> run_beside_server(const Vmfleet& world, Words arguments, Script& script) {
  Loop& loop = co_await current_loop();
  UnixListener listener = UnixListener::bind(loop, world.folder() / "server.sock");
  arguments.insert(arguments.begin(), test::program_path());
  ProcessOptions options(std::move(arguments));
  options.environment = world.environment_list();
  options.directory = world.folder();
  Ran ran;
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto server = [&]() -> Task<void> { return serve(listener, script); };
    group.start(server);
    const ProcessOutput output = co_await run_process(options);
    ran.code = output.status.code;
    ran.out = output.out;
    ran.err = output.err;
    group.cancel();
  };
  co_await with_task_group(body);
  co_return ran;
}

Ran qmp(const Vmfleet& world, Script& script, const Words& arguments) {
  Words words = {"qmp", "--socket", "server.sock"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return testkit::run_async(run_beside_server(world, words, script));
}

}  // namespace

TEST_CASE("the answer of a QMP command is JSON on stdout") {
  const Vmfleet world;
  Script script;
  script.answers = {
      kCapabilities,
      "{\"event\": \"RESUME\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 2}}\n"
      "{\"return\": {\"status\": \"running\"}, \"id\": {id}}\n"};
  const Ran ran = qmp(world, script, {"query-status"});
  CHECK(ran.err.empty());
  CHECK(ran.code == 0);
  CHECK(ran.out == "{\n  \"status\": \"running\"\n}\n");
}

TEST_CASE("arguments are sent as they are meant") {
  const Vmfleet world;
  Script script;
  script.answers = {kCapabilities, "{\"return\": {}, \"id\": {id}}\n"};
  const Ran ran = qmp(world, script, {"--json", "set_link", "name=net0", "up=false"});
  CHECK(ran.code == 0);
  REQUIRE(script.heard.size() == 2);
  const json::Value request = json::parse(script.heard[1]).value();
  CHECK(request.text("execute") == "set_link");
  CHECK(json::write(request["arguments"]) == R"({"name":"net0","up":false})");
  const json::Value answer = json::parse(ran.out).value();
  CHECK(answer.text("schema") == "vmfleet.qmp/1");
  CHECK(answer["return"].is_object());
}

TEST_CASE("a refusal is an error with QEMU's own words") {
  const Vmfleet world;
  Script script;
  script.answers = {kCapabilities,
                    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command nosuch "
                    "has not been found\"}, \"id\": {id}}\n"};
  const Ran ran = qmp(world, script, {"nosuch"});
  CHECK(ran.code == 1);
  CHECK(ran.out.empty());
  CHECK_THAT(ran.err, ContainsSubstring("QEMU refused nosuch"));
  CHECK_THAT(ran.err,
             ContainsSubstring("    CommandNotFound: The command nosuch has not been found"));
}

TEST_CASE("a refusal is a document when JSON was asked for") {
  const Vmfleet world;
  Script script;
  script.answers = {kCapabilities,
                    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no \\u001b[31m\"}, "
                    "\"id\": {id}}\n"};
  const Ran ran = qmp(world, script, {"--json", "stop"});
  CHECK(ran.code == 1);
  CHECK(ran.err.find('\x1b') == std::string::npos);
  const json::Value answer = json::parse(ran.out).value();
  CHECK(answer.text("schema") == "vmfleet.error/1");
  CHECK(answer["error"]["evidence"].as_array()->size() == 1);
}

TEST_CASE("a server that does not answer ends in a timeout") {
  const Vmfleet world;
  Script script;
  script.answers = {kCapabilities};
  const Ran ran = qmp(world, script, {"query-status", "--timeout", "200ms"});
  CHECK(ran.code == 6);
  CHECK_THAT(ran.err, ContainsSubstring("query-status"));
}

TEST_CASE("events are lines, for as long as was asked") {
  const Vmfleet world;
  const std::string event =
      "{\"event\": \"RESET\", \"data\": {\"guest\": true}, \"timestamp\": "
      "{\"seconds\": 86400, \"microseconds\": 5}}\n";
  // More than is read at once: what comes with the answer, before anybody listens, is not for us.
  std::string answer = kCapabilities;
  for (int i = 0; i < 1'000; ++i) answer += event;
  Script script;
  script.answers = {answer};
  const Ran ran = qmp(world, script, {"--events", "--timeout", "3s"});
  CHECK(ran.code == 0);
  const std::string line = "1970-01-02T00:00:00.000005Z RESET {\"guest\":true}\n";
  CHECK(ran.out.substr(0, line.size()) == line);
}
