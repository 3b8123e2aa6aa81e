// SPDX-License-Identifier: MIT
// Ways in which a real QEMU refuses to start: each with its cause, a hint, and nothing left.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Error failure_of(const MachineConfig& config) {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options;
  options.state_root = root.path();
  const Error failure = testkit::run_async(error_of(Machine::launch(config, options)));
  REQUIRE(guard.leaked().empty());
  REQUIRE(std::filesystem::is_empty(root.path()));
  INFO(failure.message());
  REQUIRE_FALSE(failure.hint().empty());
  return failure;
}

}  // namespace

TEST_CASE("an option that QEMU does not know") {
  MachineConfig config = config_of("marker");
  config.qemu_args = {"-no-such-option"};
  const Error error = failure_of(config);
  REQUIRE(error.kind() == ErrorKind::exited);
  REQUIRE_THAT(error.evidence().front(), ContainsSubstring("no-such-option"));
}

TEST_CASE("a host port that is taken") {
  const UniqueFd squatter(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(squatter.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::listen(squatter.get(), 1) == 0);
  REQUIRE(::getsockname(squatter.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  MachineConfig config = config_of("marker");
  Forward forward("web", 80);
  forward.host_port = ntohs(address.sin_port);
  config.nets.emplace_back();
  config.nets.back().forwards.push_back(forward);
  const Error error = failure_of(config);
  REQUIRE(error.kind() == ErrorKind::conflict);
  REQUIRE_THAT(error.message(),
               ContainsSubstring("is taken by process " + std::to_string(::getpid())));
  REQUIRE_THAT(error.evidence().front(), ContainsSubstring("host forwarding rule"));
}

TEST_CASE("a processor property that does not exist") {
  MachineConfig config = config_of("marker");
  config.cpu = "max,quantum=on";
  REQUIRE(failure_of(config).kind() == ErrorKind::exited);
}

TEST_CASE("a processor model or machine type that does not exist is refused before the launch") {
  MachineConfig config = config_of("marker");
  config.cpu = "Haswel";
  const Error no_model = failure_of(config);
  REQUIRE(no_model.kind() == ErrorKind::invalid_config);
  REQUIRE_THAT(no_model.hint(), ContainsSubstring("Haswell"));
  config = config_of("marker");
  config.machine = "q36";
  const Error no_type = failure_of(config);
  REQUIRE(no_type.kind() == ErrorKind::invalid_config);
  REQUIRE_THAT(no_type.hint(), ContainsSubstring("q35"));
}

TEST_CASE("a kernel that is none") {
  MachineConfig config = config_of("marker");
  config.kernel = "/proc/self/status";
  failure_of(config);
}

TEST_CASE("a QEMU that is not there") {
  MachineConfig config = config_of("marker");
  config.qemu = "/nonexistent/qemu-system-x86_64";
  REQUIRE(failure_of(config).kind() == ErrorKind::host_unfit);
}

TEST_CASE("more memory than the host can address") {
  MachineConfig config = config_of("marker");
  config.memory = Bytes::gibi(1 << 20);
  failure_of(config);
}
