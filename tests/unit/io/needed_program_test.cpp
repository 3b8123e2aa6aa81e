// SPDX-License-Identifier: MIT
#include <io/needed_program.hpp>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace std::chrono_literals;

namespace {

using Lines = std::vector<std::string>;

NeededProgram needed(std::vector<std::string> argv) {
  return NeededProgram(ProcessOptions(std::move(argv)), "the helper",
                       Error(ErrorKind::host_unfit, "there is no helper").hint("install it"));
}

NeededProgram shell(const std::string& script) {
  return needed({"/bin/sh", "-c", script});
}

Error failure_of(NeededProgram program) {
  Loop loop;
  try {
    loop.run(run_needed(std::move(program)));
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorKind::internal, "it did not fail");
}

}  // namespace

TEST_CASE("a needed program that succeeds gives what it wrote") {
  Loop loop;
  REQUIRE(loop.run(run_needed(shell("echo yes; echo aside >&2"))) == "yes\n");
}

TEST_CASE("a needed program that cannot be run is told in its user's words, with the reason") {
  const test::TempDir folder;
  std::ofstream(folder / "plain") << "#!/bin/sh\n";
  const std::string plain = (folder / "plain").string();
  for (const std::string& program :
       {std::string("/no/program"), std::string("no-program"), plain}) {
    INFO(program);
    const Error error = failure_of(needed({program}));
    REQUIRE(error.kind() == ErrorKind::host_unfit);
    REQUIRE(error.message() == std::string("there is no helper"));
    REQUIRE(error.hint() == "install it");
    REQUIRE(error.evidence().size() == 1);
    REQUIRE_THAT(error.evidence()[0], ContainsSubstring(program));
  }
}

TEST_CASE("a needed program that fails is told with the last of what it said") {
  const Error error = failure_of(shell("seq 30 >&2; echo unasked; exit 3"));
  REQUIRE(error.kind() == ErrorKind::unavailable);
  REQUIRE(error.message() == std::string("the helper ended with exit code 3"));
  REQUIRE(error.hint() == "its words are the evidence");
  REQUIRE(error.evidence().size() == 20);
  REQUIRE(error.evidence().back() == "30");
  REQUIRE(failure_of(shell("echo asked; echo >&2; exit 3")).evidence() == Lines{"asked"});
}

TEST_CASE("a needed program that is late is told with what it had said until then") {
  Error error(ErrorKind::internal, "it did not run");
  // On a busy host the first limits may be over before it said anything.
  for (Milliseconds limit = 50ms; error.evidence().empty() && limit < 60s; limit *= 4) {
    NeededProgram program = shell("echo still fetching >&2; exec sleep 1000");
    program.limit = limit;
    program.late_hint = "give it longer";
    error = failure_of(std::move(program));
    REQUIRE(error.kind() == ErrorKind::timed_out);
    REQUIRE_THAT(error.message(), ContainsSubstring("the helper did not end within"));
    REQUIRE(error.hint() == "give it longer");
  }
  REQUIRE(error.evidence() == Lines{"still fetching"});
}
