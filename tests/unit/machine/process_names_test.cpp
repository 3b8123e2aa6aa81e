// SPDX-License-Identifier: MIT
#include "machine/process_names.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmfleet/async/loop.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/process.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

TEST_CASE("a machine's process is called by machine and fleet, another one by its program") {
  auto work = []() -> Task<void> {
    Loop& loop = co_await current_loop();
    std::vector<std::string> argv{"sh", "-c", "echo; read x", "-pidfile", "/state/demo/db-0/pid"};
    ProcessOptions options(argv);
    options.dies_with_owner = true;
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    UniqueFd ours(ends[0]);
    UniqueFd its(ends[1]);
    options.descriptors.emplace_back(0, its.get());
    options.descriptors.emplace_back(1, its.get());
    Process process = Process::spawn(loop, options);
    its.reset();
    char line = 0;
    REQUIRE(::read(ours.get(), &line, 1) == 1);
    const std::string pid = std::to_string(process.pid());
    REQUIRE(name_process(process.pid()) == "db-0 of fleet demo (process " + pid + ")");
    ours.reset();
    co_await process.wait();
  };
  testkit::run_async(work());
  REQUIRE_THAT(name_process(::getpid()),
               ContainsSubstring("process " + std::to_string(::getpid()) + " ("));
}

TEST_CASE("who has a file open is found") {
  const TempDir folder;
  const std::string path = (folder / "file").string();
  const auto is_it = [&](const OpenDescriptor& descriptor) {
    return target_of(descriptor) == path;
  };
  REQUIRE(name_holders(is_it).empty());
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const auto holders = name_holders(is_it);
  REQUIRE(holders.size() == 1);
  REQUIRE(holders[0] == name_process(::getpid()));
}
