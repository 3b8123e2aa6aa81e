// SPDX-License-Identifier: MIT
#include <image/kernel_modules.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/image/samples.hpp"

using namespace vmfleet;
using namespace vmfleet::image;
using namespace vmfleet::test;
using Names = std::vector<std::string>;

namespace {

ModuleInfos infos(const std::map<std::string, Names>& depends) {
  ModuleInfos modules;
  for (const auto& [name, others] : depends) modules[name].depends = others;
  return modules;
}

}  // namespace

TEST_CASE("a module is named after its file, with underscores") {
  REQUIRE(module_name("lib/modules/6.1/kernel/net/9p/9pnet.ko") == "9pnet");
  REQUIRE(module_name("virtio-rng.ko.xz") == "virtio_rng");
  REQUIRE(module_name("virtio_net.ko.zst") == "virtio_net");
  REQUIRE(module_name("modules.dep").empty());
  REQUIRE(module_name("x.ko.d/readme").empty());
  REQUIRE(module_name("").empty());
}

TEST_CASE("a module's dependencies and aliases come from its .modinfo") {
  const auto info = read_module_info(make_module("virtio,virtio-ring", "virtio:d00000001v*"));
  REQUIRE(info->depends == Names{"virtio", "virtio_ring"});
  REQUIRE(info->aliases == Names{"virtio:d00000001v*"});
  REQUIRE(read_module_info(make_module("")).value().depends.empty());
}

TEST_CASE("a file without .modinfo is no module") {
  REQUIRE(read_module_info(make_elf({{".text", "code"}})).error().kind() == ErrorKind::corrupt);
  REQUIRE_FALSE(read_module_info("not ELF").ok());
}

TEST_CASE("modules load after all that they depend on") {
  const auto modules = infos({{"net", {"virtio", "failover"}},
                              {"failover", {}},
                              {"virtio", {"ring"}},
                              {"ring", {}},
                              {"pci", {"ring", "virtio"}}});
  REQUIRE(load_order(modules, {"net", "pci"}).value() ==
          Names{"ring", "virtio", "failover", "net", "pci"});
  REQUIRE(load_order(modules, {"ring"}).value() == Names{"ring"});
}

TEST_CASE("a missing dependency is named") {
  const auto result = load_order(infos({{"net", {"virtio"}}}), {"net"});
  REQUIRE(result.error().kind() == ErrorKind::not_found);
  REQUIRE_THAT(result.error().message(), ContainsSubstring("virtio"));
}

TEST_CASE("modules that depend on each other are an error, not an endless search") {
  REQUIRE(load_order(infos({{"a", {"b"}}, {"b", {"a"}}}), {"a"}).error().kind() ==
          ErrorKind::corrupt);
}

TEST_CASE("modules.dep lists what to load from the end of each line") {
  const auto modules = infos(
      {{"net", {"virtio", "failover"}}, {"failover", {}}, {"virtio", {"ring"}}, {"ring", {}}});
  REQUIRE(modules_dep(modules).value() ==
          "failover.ko:\n"
          "net.ko: failover.ko virtio.ko ring.ko\n"
          "ring.ko:\n"
          "virtio.ko: ring.ko\n");
}

TEST_CASE("modules.alias has a line for each alias") {
  ModuleInfos modules;
  modules["9p"].aliases = {"fs-9p", "9p-other"};
  REQUIRE(modules_alias(modules) == "alias fs-9p 9p\nalias 9p-other 9p\n");
}
