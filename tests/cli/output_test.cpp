// SPDX-License-Identifier: MIT
// Streams: colours, closed and full outputs, and what goes where.
#include <fcntl.h>
#include <unistd.h>

#include <vmfleet/io/process.hpp>
#include <vmfleet/testkit/async_test.hpp>

#include "tests/cli/program.hpp"
#include "tests/cli/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace vmfleet;
using test::Terminal;
using test::Vmfleet;

namespace {

constexpr const char* kRedBegins = "\x1b[31m";

Task<ExitStatus> run_with_descriptors(const ProcessOptions& options) {
  Loop& loop = co_await current_loop();
  Process process = Process::spawn(loop, options);
  co_return co_await process.wait();
}

}  // namespace

TEST_CASE("an error is red on a terminal, and plain elsewhere") {
  const Vmfleet world;
  CHECK(world.run({"upp"}).err.find('\x1b') == std::string::npos);
  Terminal terminal(world, {"upp"});
  CHECK(terminal.wait() == 2);
  CHECK_THAT(terminal.output(), ContainsSubstring(kRedBegins));
}

TEST_CASE("NO_COLOR turns colours off, and --color decides") {
  Vmfleet world;
  CHECK_THAT(world.run({"--color", "always", "port"}).err, ContainsSubstring(kRedBegins));
  Terminal never(world, {"--color", "never", "port"});
  never.wait();
  CHECK(never.output().find('\x1b') == std::string::npos);
  world.environment["NO_COLOR"] = "1";
  Terminal silent(world, {"port"});
  silent.wait();
  CHECK(silent.output().find('\x1b') == std::string::npos);
  CHECK_THAT(world.run({"--color", "always", "port"}).err, ContainsSubstring(kRedBegins));
}

TEST_CASE("a terminal that can do nothing gets nothing but text") {
  Vmfleet world;
  world.environment["TERM"] = "dumb";
  Terminal terminal(world, {"port"});
  terminal.wait();
  CHECK(terminal.output().find('\x1b') == std::string::npos);
}

TEST_CASE("answers go to stdout and stories to stderr") {
  const Vmfleet world;
  const auto empty = world.run({"ps"});
  CHECK(empty.code == 0);
  CHECK(empty.out.empty());
  CHECK_THAT(empty.err, ContainsSubstring("no machines"));
  CHECK(world.run({"ps", "-q"}).err.empty());
  CHECK(world.run({"upp"}).out.empty());
}

TEST_CASE("a reader that leaves ends the command quietly") {
  const Vmfleet world;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  reader.reset();
  ProcessOptions options({test::program_path(), "--help"});
  options.environment = world.environment_list();
  options.descriptors.emplace_back(1, writer.get());
  const ExitStatus status = testkit::run_async(run_with_descriptors(options));
  CHECK(status.describe() == "exit code 0");
}

TEST_CASE("an answer that cannot be written is an error") {
  const Vmfleet world;
  const auto ran = world.shell("vmfleet version >/dev/full");
  CHECK(ran.code == 1);
  CHECK_THAT(ran.out, ContainsSubstring("No space left"));
}

TEST_CASE("closed standard streams harm nothing") {
  const Vmfleet world;
  CHECK(world.shell("vmfleet ps <&- >&-").code == 0);
  CHECK(world.shell("vmfleet upp <&- >&- 2>&-").code == 2);
}

TEST_CASE("the doctor looks at every part of the host and leaves no trace") {
  const Vmfleet world;
  const auto document = world.document({"doctor"});
  CHECK(document.text("schema") == "vmfleet.doctor/1");
  CHECK(document.flag("fit", false));
  std::string names;
  for (const auto& check : *document["checks"].as_array()) {
    names += std::string(check.text("name")) + " ";
  }
  CHECK(names == "qemu kvm memory inotify descriptors state logs cache image ");
  CHECK_FALSE(std::filesystem::exists(world.state()));
}

TEST_CASE("the doctor's verdict on KVM is that of up") {
  const Vmfleet world;
  auto words = test::up_with("marker");
  for (auto& word : words) {
    if (word == "tcg") word = "auto";
  }
  const auto up = world.document(words);
  const bool uses_kvm = up["machines"].as_array()->front().text("accel") == "kvm";
  const auto document = world.document({"doctor"});
  const auto& kvm = document["checks"].as_array()->at(1);
  INFO(kvm.text("message"));
  CHECK(kvm.text("name") == "kvm");
  CHECK((kvm.text("status") == "ok") == uses_kvm);
}

TEST_CASE("a host without QEMU is unfit, and the doctor says what to install") {
  Vmfleet world;
  world.environment["PATH"] = "/nonexistent";
  const auto ran = world.run({"doctor"});
  CHECK(ran.code == 8);
  CHECK_THAT(ran.out, ContainsSubstring("fail  qemu"));
  CHECK_THAT(ran.out, ContainsSubstring("hint: "));
}

TEST_CASE("the doctor finds a state folder that others can look into") {
  const Vmfleet world;
  std::filesystem::create_directory(world.state());
  std::filesystem::permissions(world.state(), std::filesystem::perms(0755));
  const auto ran = world.run({"doctor"});
  CHECK(ran.code == 8);
  CHECK_THAT(ran.out, ContainsSubstring("chmod 700"));
}
