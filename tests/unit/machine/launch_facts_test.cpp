// SPDX-License-Identifier: MIT
#include "machine/launch_facts.hpp"

#include <filesystem>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("only a guest that nothing could tell of is out of sight") {
  MachineConfig config;
  Readiness none;
  config.append_defaults = false;
  REQUIRE_FALSE(is_out_of_sight(config, none));  // whatever boots by itself
  config.kernel = "/vmlinuz";
  REQUIRE(is_out_of_sight(config, none));
  config.append = {"quiet console=tty0"};
  REQUIRE(is_out_of_sight(config, none));
  config.append = {"quiet console=ttyS0,115200"};
  REQUIRE_FALSE(is_out_of_sight(config, none));
  config.append.clear();
  config.append_defaults = true;
  REQUIRE_FALSE(is_out_of_sight(config, none));
  config.append_defaults = false;
  Readiness agent;
  agent.agent = true;
  REQUIRE_FALSE(is_out_of_sight(config, agent));
  config.nets.emplace_back();
  REQUIRE_FALSE(is_out_of_sight(config, none));
}

TEST_CASE("a state root is the same by whatever path") {
  const TempDir root;
  std::filesystem::create_directories(root / "state/demo/a");
  std::filesystem::create_directory_symlink(root / "state", root / "link");
  const std::string scope = derive_lan_scope(root / "state/demo/a");
  REQUIRE(derive_lan_scope(root / "link/demo/a") == scope);
  REQUIRE(derive_lan_scope(root / "state/demo/../demo/b") == scope);
  REQUIRE(derive_lan_scope(root / "other/demo/a") != scope);
}
