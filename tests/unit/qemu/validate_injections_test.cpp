// SPDX-License-Identifier: MIT
#include <vmfleet/qemu/validate.hpp>

#include <functional>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

MachineConfig good() {
  MachineConfig config;
  config.name = "web-0";
  config.kernel = "/boot/vmlinux";
  config.initrd = "/boot/initrd";
  config.disks.emplace_back("/d0").id = "root";
  config.disks.emplace_back("/d1");
  config.disks.emplace_back("/d2").mode = DiskMode::direct;
  return config;
}

Injection injection(InjectionWay way, const std::string& path) {
  Injection made;
  made.via = way;
  made.path = path;
  made.text = "text";
  return made;
}

Injection tool(std::vector<std::string> command) {
  Injection made;
  made.via = InjectionWay::tool;
  made.command = std::move(command);
  return made;
}

/// The key and the message of the only problem; "" when there is none.
std::string problem_of(const MachineConfig& config) {
  std::string all;
  for (const auto& problem : find_problems(config)) {
    all += (all.empty() ? "" : " | ") + problem.key + ": " + problem.message;
  }
  return all;
}

std::string problem_of(const Injection& one) {
  MachineConfig config = good();
  config.injections = {one};
  return problem_of(config);
}

}  // namespace

TEST_CASE("every way into a guest has its place") {
  for (const auto& [way, path] :
       {std::pair{InjectionWay::initrd, "/etc/motd"}, std::pair{InjectionWay::fw_cfg, "a/b"},
        std::pair{InjectionWay::credential, "ssh.authorized_keys.root"},
        std::pair{InjectionWay::cloud_init, "user-data"}}) {
    INFO(path);
    REQUIRE(problem_of(injection(way, path)).empty());
  }
  Injection bare;
  bare.via = InjectionWay::cloud_init;
  REQUIRE(problem_of(bare).empty());
  REQUIRE(
      problem_of(tool({"t", "{disk:root}", "{name}", "{fleet}", "{dir}", "{ print }"})).empty());
  REQUIRE(problem_of(tool({"t", "{disk:disk1}"})).empty());
  REQUIRE(problem_of(tool({"t", "{kernel}{initrd}"})).empty());
}

TEST_CASE("an injection has one content and one target") {
  Injection both = injection(InjectionWay::fw_cfg, "a");
  both.source = "/s";
  REQUIRE(problem_of(both) == "inject[0].text: needs either a source or a text, and has both");
  Injection none = injection(InjectionWay::fw_cfg, "a");
  none.text.reset();
  REQUIRE(problem_of(none) == "inject[0].source: needs either a source or a text");
  REQUIRE(problem_of(injection(InjectionWay::fw_cfg, "")) ==
          "inject[0].path: the path in the guest is missing");
  Injection relative = injection(InjectionWay::fw_cfg, "a");
  relative.text.reset();
  relative.source = "s";
  REQUIRE(problem_of(relative) == "inject[0].source: \"s\" is not an absolute path");
}

TEST_CASE("paths and names are what their way in can carry") {
  for (const char* path :
       {"etc/motd", "/etc/../motd", "/etc//motd", "/etc/./motd", "/etc/", "/", "/.."}) {
    INFO(path);
    REQUIRE_THAT(problem_of(injection(InjectionWay::initrd, path)),
                 ContainsSubstring("inject[0].path: "));
  }
  REQUIRE(problem_of(injection(InjectionWay::fw_cfg, std::string(51, 'x'))).empty());
  REQUIRE_THAT(problem_of(injection(InjectionWay::fw_cfg, std::string(52, 'x'))),
               ContainsSubstring("at most 55 bytes"));
  for (const char* name : {"a/b", "a:b", "a=b", ".."}) {
    INFO(name);
    REQUIRE_THAT(problem_of(injection(InjectionWay::credential, name)),
                 ContainsSubstring("the name of a credential"));
  }
  REQUIRE_THAT(problem_of(injection(InjectionWay::cloud_init, "/user-data")),
               ContainsSubstring("NoCloud"));
}

TEST_CASE("a credential that only the firmware's files can carry has a short name") {
  MachineConfig config = good();
  config.injections = {injection(InjectionWay::credential, std::string(30, 'x'))};
  REQUIRE(problem_of(config).empty());
  config.machine = "microvm";
  REQUIRE_THAT(problem_of(config), ContainsSubstring("at most 55 bytes"));
}

TEST_CASE("nothing is put to one place twice") {
  for (const auto& [way, path] :
       {std::pair{InjectionWay::initrd, "/etc/motd"}, std::pair{InjectionWay::fw_cfg, "a"},
        std::pair{InjectionWay::credential, "c"},
        std::pair{InjectionWay::cloud_init, "user-data"}}) {
    MachineConfig config = good();
    config.injections = {injection(way, path), injection(way, path)};
    INFO(path);
    REQUIRE_THAT(problem_of(config), ContainsSubstring("inject[1].path: "));
    REQUIRE_THAT(problem_of(config), ContainsSubstring("is there twice"));
  }
  MachineConfig config = good();
  config.fw_cfg.resize(1);
  config.fw_cfg[0].name = "opt/a";
  config.fw_cfg[0].text = "x";
  config.injections = {injection(InjectionWay::fw_cfg, "a")};
  REQUIRE_THAT(problem_of(config), ContainsSubstring("is there twice"));
}

TEST_CASE("a file in the initrd needs a kernel that reads it") {
  MachineConfig config = good();
  config.initrd.clear();
  config.injections = {injection(InjectionWay::initrd, "/a")};
  REQUIRE(problem_of(config).empty());
  config.kernel.clear();
  REQUIRE(problem_of(config) == "inject[0].path: a file in the initrd needs a kernel");
}

TEST_CASE("a tool works on something of the machine's own") {
  const auto wrong = [](std::vector<std::string> command) {
    return problem_of(tool(std::move(command)));
  };
  REQUIRE(wrong({}) == "inject[0].command: a tool needs a command");
  REQUIRE(wrong({"t"}) == "inject[0].command: the command names nothing that it works on");
  REQUIRE(wrong({"t", "{initrd}", "{dsik:a}"}) ==
          "inject[0].command[2]: unknown placeholder {dsik:a}");
  REQUIRE(wrong({"t", "{initrd}", "{port:web}"}) ==
          "inject[0].command[2]: {port:web} is not known before the launch");
  REQUIRE(wrong({"t", "{disk:disk0}"}) == "inject[0].command[1]: there is no disk \"disk0\"");
  REQUIRE(wrong({"t", "{disk:disk2}"}) ==
          "inject[0].command[1]: disk \"disk2\" is not the machine's own: its mode is \"direct\"");
  REQUIRE(wrong({"t", "{initrd}", "{source}"}) ==
          "inject[0].command[2]: {source} needs a source or a text");
  REQUIRE(wrong({"t", "{initrd}", "{path}"}) == "inject[0].command[2]: {path} needs a path");
  for (const auto& command : {std::vector<std::string>{"t", "{disk:root}", "{disk:disk1}"},
                              std::vector<std::string>{"t", "{disk:root}", "{kernel}"}}) {
    REQUIRE_THAT(wrong(command), ContainsSubstring("a tool works on one disk"));
  }
  MachineConfig config = good();
  config.initrd.clear();
  config.injections = {tool({"t", "{initrd}"})};
  REQUIRE_THAT(problem_of(config), ContainsSubstring("{initrd} needs a kernel with an initrd"));
}

TEST_CASE("only a tool has a command and a timeout") {
  Injection file = injection(InjectionWay::fw_cfg, "a");
  file.command = {"t"};
  REQUIRE(problem_of(file) == "inject[0].command: a command is for via = \"tool\"");
  file.command.clear();
  file.timeout = Milliseconds(5);
  REQUIRE(problem_of(file) == "inject[0].timeout: a timeout is for via = \"tool\"");
  Injection hasty = tool({"t", "{initrd}"});
  hasty.timeout = Milliseconds(0);
  REQUIRE(problem_of(hasty) == "inject[0].timeout: a timeout is longer than nothing");
}
