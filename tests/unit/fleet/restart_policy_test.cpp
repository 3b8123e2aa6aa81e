// SPDX-License-Identifier: MIT
#include "fleet/restart_policy.hpp"

#include <vmfleet/instance/instance_directory.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using vmfleet::test::TempDir;

namespace {

ExitReport ended(const std::string& kind, std::optional<int> code = std::nullopt) {
  ExitReport exit;
  exit.kind = kind;
  exit.code = code;
  return exit;
}

}  // namespace

TEST_CASE("a machine is started again by its policy and its end") {
  const std::map<int, std::string> codes = {{31, "success"}, {33, "failure"}};
  struct Row {
    ExitReport exit;
    bool on_failure;
    bool always;
  };
  const std::vector<Row> table = {
      {ended("guest-shutdown", 0), false, true},
      {ended("guest-shutdown"), false, true},
      {ended("guest-shutdown", 1), true, true},
      {ended("guest-exit", 31), false, true},
      {ended("guest-exit", 33), true, true},
      {ended("guest-panic", 0), true, true},
      {ended("guest-reset", 0), true, true},
      {ended("host-signal", 0), true, true},
      {ended("killed"), true, true},
      {ended("qemu-error", 1), true, true},
      {ended("unknown"), true, true},
      {ended("host-qmp-quit", 0), false, false},
  };
  for (const Row& row : table) {
    INFO(row.exit.kind << " " << row.exit.code.value_or(-1));
    CHECK_FALSE(should_restart(RestartPolicy::no, row.exit, codes));
    CHECK(should_restart(RestartPolicy::on_failure, row.exit, codes) == row.on_failure);
    CHECK(should_restart(RestartPolicy::always, row.exit, codes) == row.always);
    ExitReport requested = row.exit;
    requested.requested = true;
    CHECK_FALSE(should_restart(RestartPolicy::always, requested, codes));
  }
}

TEST_CASE("the wait for the next start doubles up to its limit, and begins anew") {
  BackOff back_off;
  CHECK(back_off.next() == Milliseconds(100));
  CHECK(back_off.next() == Milliseconds(200));
  CHECK(back_off.next() == Milliseconds(400));
  for (int i = 0; i < 100; ++i) back_off.next();
  CHECK(back_off.next() == BackOff::kLongest);
  CHECK(back_off.count() == 104);
  back_off.reset();
  CHECK(back_off.next() == BackOff::kFirst);
  CHECK(back_off.count() == 1);
}

TEST_CASE("a machine whose directory is gone was ended on request") {
  const TempDir temp;
  CHECK(with_request(ended("killed"), temp / "gone").requested);
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  CHECK_FALSE(with_request(ended("killed"), directory.path()).requested);
}
