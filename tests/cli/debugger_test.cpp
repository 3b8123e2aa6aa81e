// SPDX-License-Identifier: MIT
// A machine that waits for a debugger.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;

namespace {

/// What a gdb stub answers to "why did you stop?", without its checksum.
std::string asked_by_gdb(const std::filesystem::path& path) {
  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return "";
  const std::string question = "$?#3f";
  if (::write(socket.get(), question.data(), question.size()) < 0) return "";
  std::string answer;
  char byte = 0;
  while (byte != '#' && ::read(socket.get(), &byte, 1) == 1) answer += byte;
  return answer;
}

}  // namespace

TEST_CASE("a machine waits for a debugger, and says how to attach it") {
  const test::Vmfleet world;
  const auto file = world.folder() / "debugged.toml";
  std::ofstream(file) << "fleet = 'debugged'\n[machine.a]\naccel = 'tcg'\nkernel = '"
                      << testkit::guest_path("marker").string()
                      << "'\ngdb = 'unix:{dir}/gdb.sock'\npaused = true\n";
  const auto up = world.run({"up", "-f", file.string()});
  CHECK(up.code == 0);
  const auto stub = world.state() / "debugged/a/gdb.sock";
  CHECK_THAT(up.err,
             ContainsSubstring("attach with gdb -ex 'target remote " + stub.string() + "'"));
  CHECK_THAT(up.err, ContainsSubstring("`vmfleet resume -p debugged a`"));
  const auto ps = world.document({"ps", "-p", "debugged"});
  CHECK(ps["machines"].as_array()->at(0).text("state") == "paused");
  CHECK_THAT(asked_by_gdb(stub), ContainsSubstring("$T"));
  CHECK(world.run({"kill", "-p", "debugged"}).code == 0);  // its socket stays
  CHECK(world.run({"down", "-p", "debugged"}).code == 0);
}
