// SPDX-License-Identifier: MIT
// The log keeper beside a process that stands for QEMU.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/process_leak_guard.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr std::uint64_t kLimit = 256 * 1024;

/// An instance directory with logs and something that lives.
class Machine {
 public:
  explicit Machine(Loop& loop)
      : loop_(loop),
        directory(InstanceDirectory::create(root_.path(), "demo", "vm-0")),
        serial_(make(instance_file::kSerial)),
        others_{make(instance_file::kEvents), make(instance_file::kQemuErr),
                make(instance_file::kFullDisk)},
        qemu(spawn()) {}

  [[nodiscard]] bool can_be_kept_short() const {
    const auto problem = log_limit_problem(directory.fd());
    if (problem) WARN(problem->message());
    return !problem;
  }
  Process keep(Bytes limit = Bytes(kLimit)) const {
    return start_log_keeper(loop_, directory, qemu.pidfd(), limit, true);
  }
  void print(std::string_view text) const { files::write_all(serial_.get(), text, "serial.log"); }
  void end() { qemu.signal(SIGKILL); }
  [[nodiscard]] std::uint64_t on_disk() const { return status().st_blocks * 512ULL; }
  [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(status().st_size); }
  [[nodiscard]] bool is_kept() const { return find_log_keeper(directory).has_value(); }

 private:
  UniqueFd make(const char* name) const {
    return files::open(directory.file(name), O_WRONLY | O_CREAT | O_APPEND);
  }
  Process spawn() const {
    ProcessOptions options({"sleep", "1000"});
    options.dies_with_owner = true;
    return Process::spawn(loop_, options);
  }
  [[nodiscard]] struct stat status() const {
    struct stat status {};
    REQUIRE(::fstat(serial_.get(), &status) == 0);
    return status;
  }

  Loop& loop_;
  TempDir root_;

 public:
  InstanceDirectory directory;

 private:
  UniqueFd serial_;
  UniqueFd others_[3];

 public:
  Process qemu;
};

std::string numbered(int begin, int end) {
  std::string text;
  for (int i = begin; i < end; ++i) text += std::to_string(1'000'000 + i) + "\n";
  return text;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a log is freed at its head, and its end is there byte for byte") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  const Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  const Process keeper = machine.keep();
  std::string all;
  for (int i = 0; i < 40; ++i) {
    const std::string text = numbered(i * 5000, (i + 1) * 5000);
    machine.print(text);
    all += text;
  }
  const auto is_short = [&] { return machine.on_disk() <= kLimit + kLimit / 8 + 2 * 4096; };
  co_await eventually(is_short);
  REQUIRE(machine.size() == all.size());
  REQUIRE(machine.on_disk() >= kLimit);
  const std::string kept = files::read_end(machine.directory.file("serial.log"), Bytes(kLimit));
  REQUIRE(kept == all.substr(all.size() - kLimit));
}

VMFLEET_ASYNC_TEST_CASE("a log that was long before its keeper came is freed too") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  const Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  machine.print(std::string(8 * kLimit, 'x'));
  const Process keeper = machine.keep();
  const auto is_short = [&] { return machine.on_disk() <= kLimit + 2 * 4096; };
  co_await eventually(is_short);
}

namespace {

/// VMFLEET_SOAK=full: a gigabyte.
std::uint64_t flood_size() {
  const char* soak = std::getenv("VMFLEET_SOAK");
  return soak != nullptr && std::string_view(soak) == "full" ? 1 << 30 : 64 << 20;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a log that grows as fast as a disk takes it is bounded") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  const Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  const std::uint64_t limit = flood_size() / 64;
  const Process keeper = machine.keep(Bytes(limit));
  const std::string text = numbered(0, 8192);  // 64 KiB
  std::uint64_t most = 0;
  const auto write_all_of_it = [&] {
    while (machine.size() < flood_size()) {
      machine.print(text);
      most = std::max(most, machine.on_disk());
    }
  };
  co_await offload(write_all_of_it);
  const auto is_short = [&] { return machine.on_disk() <= limit + limit / 8 + 2 * 4096; };
  co_await eventually(is_short);
  WARN(machine.size() << " bytes written, at most " << most << " on the disk, then "
                      << machine.on_disk() << ", limit " << limit);
  const std::string kept = files::read_end(machine.directory.file("serial.log"), Bytes(limit));
  REQUIRE(kept.find('\0') == std::string::npos);
}

VMFLEET_ASYNC_TEST_CASE("a keeper ends with its QEMU") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  Process keeper = machine.keep();
  const auto is_kept = [&] { return machine.is_kept(); };
  co_await eventually(is_kept);
  machine.end();
  const ExitStatus status = co_await keeper.wait();
  REQUIRE(status.success());
  REQUIRE_FALSE(machine.is_kept());
  co_await end_log_keeper(machine.directory);
}

VMFLEET_ASYNC_TEST_CASE("of two keepers of one machine, one ends at once") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  const Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  const Process first = machine.keep();
  const auto is_kept = [&] { return machine.is_kept(); };
  co_await eventually(is_kept);
  Process second = machine.keep();
  const ExitStatus status = co_await second.wait();
  REQUIRE(status.success());
  REQUIRE(find_log_keeper(machine.directory)->pid() == first.pid());
}

VMFLEET_ASYNC_TEST_CASE("a keeper that is stopped by a signal does not outlive its QEMU") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  const Process keeper = machine.keep();
  const auto is_kept = [&] { return machine.is_kept(); };
  co_await eventually(is_kept);
  keeper.signal(SIGSTOP);
  machine.end();
  co_await end_log_keeper(machine.directory);
  REQUIRE_FALSE(machine.is_kept());
}

VMFLEET_ASYNC_TEST_CASE("an idle keeper waits without a time limit") {
  ProcessLeakGuard guard;
  Loop& loop = co_await current_loop();
  const Machine machine(loop);
  if (!machine.can_be_kept_short()) co_return;
  const Process keeper = machine.keep();
  const auto is_kept = [&] { return machine.is_kept(); };
  co_await eventually(is_kept);
  machine.print("x");
  // Its pause is a poll of one descriptor; the wait for two has no time limit.
  const std::string file = "/proc/" + std::to_string(keeper.pid()) + "/syscall";
  const auto waits_for_two = [&] {
    const std::string call = files::read(file);
    const auto words = split(call, ' ');
    return words.size() > 3 && words[2] == "0x2";
  };
  co_await eventually(waits_for_two);
}

TEST_CASE("moments of a full disk are read, and damaged lines are not") {
  const TempDir temp;
  const auto directory = InstanceDirectory::create(temp.path(), "demo", "vm-0");
  REQUIRE(read_full_disks(directory).empty());
  const UniqueFd file =
      files::open(directory.file(instance_file::kFullDisk), O_WRONLY | O_CREAT | O_APPEND);
  files::write_all(file.get(), "4096 1700000000000\nrubbish\n8192\n12288 17\n", "serial.full");
  const auto moments = read_full_disks(directory);
  REQUIRE(moments.size() == 2);
  REQUIRE(moments[0].offset == 4096);
  REQUIRE(moments[0].at_ms == 1'700'000'000'000);
  REQUIRE(moments[1].offset == 12288);
  REQUIRE_THAT(to_string(moments[0]), ContainsSubstring("byte 4096 of serial.log"));
}

VMFLEET_ASYNC_TEST_CASE("who locks a log is no log keeper for that") {
  const Machine machine(co_await current_loop());
  const std::string log = machine.directory.file(instance_file::kSerial);
  int told[2];
  REQUIRE(::pipe2(told, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(log.c_str(), O_RDWR | O_CLOEXEC);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const bool locked = ::fcntl(fd, F_SETLK, &lock) == 0;
    if (locked && ::write(told[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(told[0], &byte, 1) == 1);
  CHECK_FALSE(find_log_keeper(machine.directory).has_value());
  co_await end_log_keeper(machine.directory);
  CHECK(::kill(child, 0) == 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(told[0]);
  ::close(told[1]);
}
