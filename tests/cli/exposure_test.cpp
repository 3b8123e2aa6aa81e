// SPDX-License-Identifier: MIT
// What others on this host could see of a fleet: ports, files, arguments.
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/testkit/guests.hpp>

#include "tests/cli/program.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Ran;
using test::Vmfleet;

namespace {

constexpr const char* kSecret = "hunter2-in-a-file";
constexpr const char* kText = "hunter2-in-a-text";

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// One machine with all that takes secrets and opens ports; the umask keeps nothing closed.
void start(const Vmfleet& world) {
  const Ran ran = world.shell(fmt::format(R"(umask 0
printf %s {} >secret
cat >vmfleet.toml <<'END'
fleet = "demo"
[machine.web]
kernel = "{}"
initrd = "empty.cpio"
accel = "tcg"
memory = "32M"
gdb = "unix:{{dir}}/gdb.sock"
ready.serial = "guest ready"
[machine.web.ssh]
[[machine.web.net]]
type = "user"
forward = ["ssh:22", "web:80", "dns:53/udp"]
[[machine.web.net]]
type = "lan"
lan = "blue"
[[machine.web.disk]]
file = "disk.img"
mode = "overlay"
[[machine.web.disk]]
file = "disk.img"
mode = "copy"
[[machine.web.inject]]
via = "fw_cfg"
path = "a"
source = "secret"
[[machine.web.inject]]
via = "credential"
path = "token"
source = "secret"
[[machine.web.inject]]
via = "fw_cfg"
path = "b"
text = "{}"
[[machine.web.inject]]
via = "cloud-init"
path = "vendor-data"
source = "secret"
END
head -c 1048576 /dev/zero >disk.img
: | cpio -o -H newc >empty.cpio 2>/dev/null || head -c 512 /dev/zero >empty.cpio
vmfleet up --progress none
)",
                                          kSecret, testkit::guest_path("marker").string(), kText));
  INFO(ran.out);
  REQUIRE(ran.code == 0);
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files = {folder};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  return files;
}

/// The inodes of a process's sockets.
std::set<std::string> sockets_of(const std::string& process) {
  std::set<std::string> inodes;
  for (const auto& entry : std::filesystem::directory_iterator(process + "/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
    if (target.rfind("socket:[", 0) == 0) inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

/// The local addresses of a process's sockets, as /proc/net has them. *Source*: proc(5).
std::vector<std::string> addresses_of(const std::string& process, const std::string& protocol) {
  const auto own = sockets_of(process);
  std::vector<std::string> addresses;
  std::istringstream table(content_of(process + "/net/" + protocol));
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string slot, local, word, inode;
    words >> slot >> local;
    for (int i = 0; i < 8 && words >> word; ++i) inode = word;
    if (own.count(inode) > 0) addresses.push_back(local.substr(0, local.find(':')));
  }
  return addresses;
}

/// Loopback, or a multicast group: bytes are in the host's order.
bool is_inside(const std::string& address) {
  constexpr std::string_view kLoopback6 = "00000000000000000000000001000000";
  if (address == "0100007F" || address == kLoopback6) return true;
  const std::string first = address.size() == 8 ? address.substr(6) : "";
  return first >= "E0" && first <= "EF";
}

}  // namespace

TEST_CASE("nothing of a fleet is open to others") {
  const Vmfleet world;
  start(world);
  const auto ps = world.document({"ps", "-p", "demo"});
  const std::string process =
      fmt::format("/proc/{}", ps["machines"].as_array()->front().integer("pid", 0));

  std::size_t sockets = 0;
  for (const char* protocol : {"tcp", "tcp6", "udp", "udp6"}) {
    for (const auto& address : addresses_of(process, protocol)) {
      INFO(protocol << " " << address);
      CHECK(is_inside(address));
      ++sockets;
    }
  }
  CHECK(sockets >= 4);  // the forwards and the LAN

  for (const auto& file : files_below(world.state())) {
    struct stat status {};
    REQUIRE(::lstat(file.c_str(), &status) == 0);
    INFO(file << fmt::format(" {:o}", status.st_mode & 07777));
    CHECK((S_ISLNK(status.st_mode) || (status.st_mode & 077) == 0));
  }
}

TEST_CASE("no secret is in arguments, environment, records or logs") {
  const Vmfleet world;
  start(world);
  const auto ps = world.document({"ps", "-p", "demo"});
  const auto pid = ps["machines"].as_array()->front().integer("pid", 0);
  const std::string key = content_of(world.state() / ".ssh" / "id_ed25519");
  const auto lines = split(key, '\n');
  REQUIRE(lines.size() > 3);
  const std::string key_line(lines[1]);

  std::vector<std::filesystem::path> places;
  for (const char* name : {"cmdline", "environ"})
    places.push_back(fmt::format("/proc/{}/{}", pid, name));
  for (const auto& file : files_below(world.state())) {
    const auto extension = file.extension();
    if (extension == ".json" || extension == ".log" || extension == ".err") places.push_back(file);
  }
  CHECK(places.size() >= 6);
  for (const auto& place : places) {
    const std::string content = content_of(place);
    INFO(place);
    CHECK(content.find(kSecret) == std::string::npos);
    CHECK(content.find(key_line) == std::string::npos);
    // A text is in the fleet file itself, and in the record from which the machine starts again.
    if (place.filename() != "intent.json") CHECK(content.find(kText) == std::string::npos);
  }
  for (const auto& words : {test::Words{"cmdline", "web"}, {"inspect", "web"}, {"logs", "web"}}) {
    const Ran ran = world.run(words);
    INFO(words[0]);
    CHECK(ran.code == 0);
    CHECK(ran.out.find(kSecret) == std::string::npos);
    CHECK(ran.out.find(kText) == std::string::npos);
  }
}
