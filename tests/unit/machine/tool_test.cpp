// SPDX-License-Identifier: MIT
#include "machine/tool.hpp"

#include <chrono>
#include <fstream>
#include <thread>

#include <vmfleet/async/when.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/files.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

struct Place {
  explicit Place(std::vector<std::string> command)
      : directory(InstanceDirectory::create(temp.path(), "demo", "vm-0")) {
    config.fleet = "demo";
    config.name = "vm-0";
    config.disks.emplace_back("/shared").id = "root";
    tool().via = InjectionWay::tool;
    tool().command = std::move(command);
  }

  Injection& tool() {
    if (config.injections.empty()) config.injections.emplace_back();
    return config.injections[0];
  }
  void run() const {
    ToolTargets targets;
    targets.disk = temp / "own disk";
    testkit::run_async(run_tool(config, 0, directory, std::move(targets)));
  }
  [[nodiscard]] Error failure() const {
    try {
      run();
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorKind::internal, "it did not fail");
  }

  TempDir temp;
  InstanceDirectory directory;
  MachineConfig config;
};

/// The error of a tool whose time is over as soon as it has written this file.
Error late_once_written(const Place& place, const std::filesystem::path& file) {
  FakeClock clock;
  Loop loop(clock);
  auto expire = [&]() -> Task<void> {
    FileTail tail(loop, file);
    co_await tail.next();
    clock.advance(place.config.injections[0].timeout);
  };
  try {
    loop.run(when_all(run_tool(place.config, 0, place.directory, ToolTargets()), expire()));
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::internal, "it did not fail");
}

}  // namespace

TEST_CASE("a tool gets its words as they are, with the machine's own files for placeholders") {
  Place place({"sh", "-c", "printf '%s|' \"$@\" > \"$0\"", "", "a b", "$HOME; {dsik} ${path}",
               "--disk={disk:root}", "{name}.{fleet}", "{source}", "{path}", "{dir}"});
  place.tool().command[3] = (place.temp / "said").string();
  place.tool().source = "/s{path}";  // what is put in is not filled in again
  place.tool().path = "/etc/{name}";
  place.run();
  REQUIRE(files::read(place.temp / "said") ==
          "a b|$HOME; {dsik} ${path}|--disk=" + (place.temp / "own disk").string() +
              "|vm-0.demo|/s{path}|/etc/{name}|" + place.directory.path().string() + "|");
}

TEST_CASE("a tool runs where it was asked to") {
  Place place({"sh", "-c", "pwd > here"});
  place.tool().directory = place.temp.path().string();
  place.run();
  REQUIRE(files::read(place.temp / "here") ==
          std::filesystem::canonical(place.temp.path()).string() + "\n");
}

TEST_CASE("a tool that fails is named, with its words") {
  const Place place({"sh", "-c", "echo no such thing >&2; exit 3"});
  const Error error = place.failure();
  REQUIRE(error.kind() == ErrorKind::unavailable);
  REQUIRE_THAT(error.message(), ContainsSubstring("the tool sh ended with exit code 3"));
  REQUIRE(error.evidence() == std::vector<std::string>{"no such thing"});
}

TEST_CASE("a tool that is not there, or not in time, is named") {
  const Error missing = Place({"/no/such/tool"}).failure();
  REQUIRE(missing.kind() == ErrorKind::host_unfit);
  REQUIRE_THAT(missing.what(), ContainsSubstring("/no/such/tool"));
  Place slow({"sleep", "1000"});
  slow.tool().timeout = Milliseconds(50);
  const Error late = slow.failure();
  REQUIRE(late.kind() == ErrorKind::timed_out);
  REQUIRE_THAT(late.message(), ContainsSubstring("the tool sleep did not end within 50 ms"));
}

TEST_CASE("of a tool that is late nothing goes on running") {
  // It waits for its child, or leaves it behind with its output.
  const std::string script =
      GENERATE("sleep 1000 & echo $! > child; wait", "sleep 1000 & echo $! > child");
  const std::vector<std::string> command{"sh", "-c", script};
  Place place(command);
  place.tool().directory = place.temp.path().string();
  place.tool().timeout = std::chrono::hours(1);
  REQUIRE(late_once_written(place, place.temp / "child").kind() == ErrorKind::timed_out);
  const std::string pid(trim(files::read(place.temp / "child")));
  // It may stay as a zombie for whoever reaps orphans here.
  const auto runs = [&] {
    const std::string stat = files::read_end("/proc/" + pid + "/stat", Bytes(4096));
    return !stat.empty() && stat.find(") Z ") == std::string::npos;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (runs() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  REQUIRE_FALSE(runs());
}
