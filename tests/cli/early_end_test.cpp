// SPDX-License-Identifier: MIT
// What ends detached machines early: the service that a process is in.
#include "cli/early_end.hpp"

#include "tests/support/catch.hpp"

using vmfleet::cli::service_that_would_end_us;

namespace {

const std::string kInvocation = "0123456789abcdef0123456789abcdef";

std::string service_of(const std::string& cgroups) {
  return service_that_would_end_us(cgroups, kInvocation).value_or("none");
}

}  // namespace

TEST_CASE("what is started in a service ends with it") {
  CHECK(service_of("0::/system.slice/nightly.service\n") == "nightly.service");
  CHECK(service_of("0::/system.slice/system-ci.slice/ci@2.service\n") == "ci@2.service");
  CHECK(service_of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/lab.service\n") ==
        "lab.service");
}

TEST_CASE("a service that divides its control group is still the one that ends") {
  CHECK(service_of("0::/system.slice/runner.service/job-7\n") == "runner.service");
}

TEST_CASE("with version 1 of control groups systemd's own hierarchy counts") {
  CHECK(service_of("12:cpu,cpuacct:/system.slice/other.service\n"
                   "1:name=systemd:/system.slice/nightly.service\n") == "nightly.service");
  CHECK(service_of("12:cpu,cpuacct:/system.slice/other.service\n0::/\n") == "none");
}

TEST_CASE("what has a scope of its own, or only the user's manager above, ends with no service") {
  for (const char* path : {
           "/user.slice/user-1000.slice/session-3.scope",
           "/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope",
           "/user.slice/user-1000.slice/user@1000.service/init.scope",
           "/user.slice/user-1000.slice/user@1000.service",
           "/system.slice/run-r1.scope",
           "/system.slice",
           "/",
           "",
       }) {
    INFO(path);
    CHECK(service_of("0::" + std::string(path) + "\n") == "none");
  }
  CHECK(service_of("") == "none");
  CHECK(service_of("no line of that file\n") == "none");
}

TEST_CASE("a login or a job of cron is no service, although it is in one's control group") {
  CHECK_FALSE(service_that_would_end_us("0::/system.slice/ssh.service\n", "").has_value());
}
