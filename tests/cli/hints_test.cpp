// SPDX-License-Identifier: MIT
// Commands in hints.
#include "cli/hints.hpp"

#include "tests/support/catch.hpp"

using vmfleet::cli::with_options;

namespace {

std::string pasted(const std::string& hint) {
  return with_options(hint, "-p demo", {"down", "logs", "ssh-config"});
}

}  // namespace

TEST_CASE("each command in a hint gets the options, wherever it stands") {
  CHECK(pasted("look at `vmfleet logs vm-0`") == "look at `vmfleet -p demo logs vm-0`");
  CHECK(pasted("vmfleet logs, or vmfleet down") == "vmfleet -p demo logs, or vmfleet -p demo down");
  CHECK(pasted("see: vmfleet ssh-config") == "see: vmfleet -p demo ssh-config");
}

TEST_CASE("what is no command of a fleet stays as it is") {
  for (const char* hint : {"", "vmfleet ", "run `vmfleet doctor`", "where vmfleet keeps its state",
                           "see: vmfleet logs --help", "vmfleet downs"}) {
    CHECK(pasted(hint) == hint);
  }
}
