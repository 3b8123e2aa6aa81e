// SPDX-License-Identifier: MIT
#include <cerrno>

#include <vmfleet/base/error.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

TEST_CASE("an error reads from the outermost context to the system's reason") {
  auto error = errno_error("connect control.sock", ECONNRESET).context("boot web-3");
  REQUIRE(std::string(error.what()) ==
          "boot web-3: connect control.sock: Connection reset by peer");
  REQUIRE(error.kind() == ErrorKind::disconnected);
}

TEST_CASE("adding context to a copy leaves the original as it was") {
  const Error original(ErrorKind::timed_out, "no greeting");
  Error copy = original;
  copy.add_context("boot web-3");
  REQUIRE(std::string(original.what()) == "no greeting");
  REQUIRE(std::string(copy.what()) == "boot web-3: no greeting");
}

TEST_CASE("hint and evidence stay with the error") {
  const auto error = Error(ErrorKind::exited, "QEMU exited")
                         .hint("try another port")
                         .evidence("line 1")
                         .evidence_lines({"2", "3"});
  REQUIRE(error.hint() == "try another port");
  REQUIRE(error.evidence() == std::vector<std::string>{"line 1", "2", "3"});
}

TEST_CASE("who shows only what() shows all of it") {
  const auto error = Error(ErrorKind::exited, "QEMU exited")
                         .hint("try another port")
                         .evidence("in use: 80")
                         .context("boot web-3");
  REQUIRE(error.message() == "boot web-3: QEMU exited");
  REQUIRE(std::string(error.what()) ==
          "boot web-3: QEMU exited\n    in use: 80\nhint: try another port");
}
