// SPDX-License-Identifier: MIT
// Forwards while another program takes ports at random.
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "tests/soak/soak.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

/// Takes ports of the loopback address, for a moment each, as fast as it can.
class Squatter {
 public:
  Squatter() : thread_([this] { squat(); }) {}
  Squatter(const Squatter&) = delete;
  Squatter& operator=(const Squatter&) = delete;
  ~Squatter() {
    over_ = true;
    thread_.join();
  }

 private:
  void squat() {
    constexpr std::size_t kKept = 200;
    std::vector<UniqueFd> taken(kKept);
    for (std::size_t i = 0; !over_; i = (i + 1) % kKept) {
      UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
      ::listen(socket.get(), 1);
      taken[i] = std::move(socket);
      std::this_thread::yield();
    }
  }

  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("R9: every machine gets ports of its own while others take them too") {
  const Vmfleet world;
  const int machines = amount(6, 64);
  Words up = up_with("marker", {"-n", std::to_string(machines)});
  for (const char* forward : {"a:22", "b:80", "c:443", "d:53/udp"}) {
    up.insert(up.end(), {"--forward", forward});
  }
  json::Value report;
  {
    const Squatter squatter;
    report = world.document(up);
  }
  std::set<std::pair<std::string, std::int64_t>> ports;
  for (const json::Value& machine : *report["machines"].as_array()) {
    for (const json::Value& port : *machine["ports"].as_array()) {
      CHECK(port.text("host_addr") == "127.0.0.1");
      CHECK(ports.emplace(port.text("proto"), port.integer("host", 0)).second);
    }
  }
  CHECK(ports.size() == static_cast<std::size_t>(machines) * 4);
  tell("R9",
       fmt::format("{} machines with 4 forwards each: {} different ports", machines, ports.size()));
  CHECK(world.run({"down", "--grace", "0ms"}).code == 0);
}
