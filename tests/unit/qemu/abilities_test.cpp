// SPDX-License-Identifier: MIT
#include <qemu/abilities.hpp>

#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

QemuBinary after(std::string_view answers) {
  QemuBinary binary;
  qemu::read_abilities(answers, binary);
  return binary;
}

}  // namespace

TEST_CASE("machine types and CPU models are read from QMP replies, aliases too") {
  const QemuBinary binary = after(
      "{\"QMP\": {\"version\": {}}}\n{\"return\": {}}\n"
      "{\"return\": [{\"name\": \"pc-q35-7.2\", \"alias\": \"q35\", \"cpu-max\": 288},"
      " {\"name\": \"microvm\", \"cpu-max\": 288}], \"id\": \"machines\"}\r\n"
      "{\"return\": [{\"name\": \"max\"}, {\"name\": \"486\"}], \"id\": \"cpus\"}\n"
      "{\"event\": \"SHUTDOWN\"}\n{\"return\": {}}\n");
  REQUIRE(binary.machine_types ==
          std::vector<QemuMachineType>{{"microvm", 288}, {"pc-q35-7.2", 288}, {"q35", 288}});
  REQUIRE(binary.cpu_models == std::vector<std::string>{"486", "max"});
}

TEST_CASE("what is not told stays unknown") {
  for (const char* answers : {"", "no QMP", "{\"return\": 3, \"id\": \"machines\"}",
                              "{\"error\": {}, \"id\": \"cpus\"}", "{\"id\": \"cpus\"", "[1]"}) {
    INFO(answers);
    REQUIRE(after(answers).machine_types.empty());
    REQUIRE(after(answers).cpu_models.empty());
  }
}
