// SPDX-License-Identifier: MIT
// What the logs say of a machine's end.
#include <fstream>

#include "machine/exit_report.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

const std::string kGreeting =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}})"
    "\r\n{\"return\": {}}\r\n";

std::string event(const std::string& name, const std::string& data = "{}") {
  return R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": ")" + name +
         R"(", "data": )" + data + "}\r\n";
}

struct Logs {
  explicit Logs(const std::string& events)
      : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {
    std::ofstream(directory.file(instance_file::kEvents)) << kGreeting << events;
  }
  TempDir temp;
  InstanceDirectory directory;
};

ExitStatus exited(int code) {
  ExitStatus status;
  status.code = code;
  return status;
}

}  // namespace

TEST_CASE("QEMU's own reason is the kind of the end") {
  const Logs logs(event("RESUME") +
                  event("SHUTDOWN", R"({"guest": true, "reason": "guest-shutdown"})"));
  const ExitReport report = explain_exit(logs.directory, exited(0), {});
  REQUIRE(report.kind == "guest-shutdown");
  REQUIRE(report.code == 0);
  REQUIRE(report.reason == "the guest shut down");
}

TEST_CASE("a panic counts more than the shutdown that followed it") {
  const Logs logs(event("GUEST_PANICKED", R"({"action": "poweroff"})") +
                  event("SHUTDOWN", R"({"guest": true, "reason": "guest-panic"})"));
  REQUIRE(explain_exit(logs.directory, std::nullopt, {}).kind == "guest-panic");
}

TEST_CASE("a QEMU that was killed said nothing, its status does") {
  const Logs logs(event("RESUME"));
  ExitStatus killed;
  killed.signal = 9;
  const ExitReport report = explain_exit(logs.directory, killed, {});
  REQUIRE(report.kind == "killed");
  REQUIRE_FALSE(report.code.has_value());
}

TEST_CASE("without a word or a status the end stays unknown") {
  const Logs logs(event("RESUME"));
  REQUIRE(explain_exit(logs.directory, std::nullopt, {}).kind == "unknown");
}

TEST_CASE("the last of STOP and RESUME decides whether it is paused") {
  const Intent running;
  REQUIRE_FALSE(is_paused(Logs(event("STOP") + event("RESUME")).directory, running));
  REQUIRE(is_paused(Logs(event("RESUME") + event("STOP")).directory, running));
}

TEST_CASE("a machine that was started paused is so until its first RESUME, however long ago") {
  Intent paused;
  paused.paused = true;
  REQUIRE(is_paused(Logs("").directory, paused));
  REQUIRE_FALSE(is_paused(Logs("").directory, Intent()));
  std::string many;
  while (many.size() < 200'000) many += event("RTC_CHANGE", R"({"offset": 1})");
  REQUIRE(is_paused(Logs(many).directory, paused));
  REQUIRE_FALSE(is_paused(Logs(event("RESUME") + many).directory, paused));
}

TEST_CASE("an exit code that has a name is the guest's own end") {
  const Logs logs(event("RESUME"));
  const ExitCodes codes{{31, "success"}, {33, "tests failed"}};
  const ExitReport good = explain_exit(logs.directory, exited(31), codes);
  REQUIRE(good.kind == "guest-exit");
  REQUIRE(succeeded(good, codes));
  const ExitReport bad = explain_exit(logs.directory, exited(33), codes);
  REQUIRE(bad.reason == "the guest ended with exit code 33: tests failed");
  REQUIRE_FALSE(succeeded(bad, codes));
  const ExitReport unknown = explain_exit(logs.directory, exited(35), codes);
  REQUIRE(unknown.kind == "qemu-error");
  REQUIRE_FALSE(succeeded(unknown, codes));
}

TEST_CASE("of the ends without an exit code only the guest's shutdown is a success") {
  for (const std::string reason : {"guest-shutdown", "guest-reset", "host-qmp-quit"}) {
    const Logs logs(event("SHUTDOWN", R"({"guest": true, "reason": ")" + reason + "\"}"));
    INFO(reason);
    REQUIRE(succeeded(explain_exit(logs.directory, std::nullopt, {}), {}) ==
            (reason == "guest-shutdown"));
  }
  REQUIRE_FALSE(succeeded(explain_exit(Logs("").directory, std::nullopt, {}), {}));
}

TEST_CASE("the end of an event log that grew large is still read") {
  std::string many;
  while (many.size() < 200'000) many += event("RTC_CHANGE", R"({"offset": 1})");
  const Logs logs(many + event("SHUTDOWN", R"({"guest": false, "reason": "host-qmp-quit"})"));
  REQUIRE(explain_exit(logs.directory, std::nullopt, {}).kind == "host-qmp-quit");
}

TEST_CASE("the last lines of the console come sanitised and without empty ones") {
  const Logs logs("");
  std::ofstream(logs.directory.file(instance_file::kSerial)) << "one\r\n\r\n\x1b[2Jtwo\nthree";
  REQUIRE(last_serial_lines(logs.directory, 2) == std::vector<std::string>{"\\x1b[2Jtwo", "three"});
}
