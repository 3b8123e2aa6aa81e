// SPDX-License-Identifier: MIT
// Logs with a limit, and readers that do not read.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <optional>

#include <vmfleet/base/text.hpp>
#include <vmfleet/console/log_reader.hpp>
#include <vmfleet/instance/log_keeper.hpp>
#include <vmfleet/io/file_tail.hpp>
#include <vmfleet/io/files.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/machine_fixture.hpp"
#include "tests/support/process_leak_guard.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

bool is_real() {
  return qemu_under_test().filename() != "fake_qemu";
}

/// How much the guest prints, and how much of that is kept: VMFLEET_SOAK=full for a gigabyte.
struct Amount {
  Amount() {
    const char* soak = std::getenv("VMFLEET_SOAK");
    if (soak == nullptr || std::string_view(soak) != "full" || !is_real()) return;
    lines = 80'000'000;
    limit = Bytes::mebi(16);
    deadline = std::chrono::hours(1);
  }
  std::size_t lines = 250'000;
  Bytes limit = Bytes(512 * 1024);
  Milliseconds deadline = testkit::kTestDeadline;
};

/// Follows `line 0000`, `line 0001`… and sees whether one is missing.
class LineCounter {
 public:
  void feed(const TailChunk& chunk) {
    if (chunk.restarted) {
      ++skips;
      next_.reset();
      open_ = "\n";  // the rest of a line
    }
    open_ += chunk.data;
    std::size_t begin = 0;
    for (auto end = open_.find('\n'); end != std::string::npos; end = open_.find('\n', begin)) {
      take(std::string_view(open_).substr(begin, end - begin));
      begin = end + 1;
    }
    open_.erase(0, begin);
  }

  std::size_t lines = 0;
  std::size_t gaps = 0;   ///< lines that were missing without a word
  std::size_t skips = 0;  ///< parts that were gone before they were read
  std::string last;

 private:
  void take(std::string_view line) {
    constexpr std::string_view kBegin = "line ";
    last = line;
    while (!last.empty() && last.back() == '\r') last.pop_back();
    if (last.rfind(kBegin, 0) != 0) return;
    std::size_t number = 0;
    const char* const end = last.data() + last.size();
    if (std::from_chars(last.data() + kBegin.size(), end, number).ptr != end) {
      if (lines > 0) ++gaps;
      return;
    }
    if (next_ && *next_ != number) ++gaps;
    next_ = number + 1;
    ++lines;
  }

  std::optional<std::size_t> next_;
  std::string open_;
};

std::uint64_t on_disk(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_blocks * 512ULL : 0;
}

MachineConfig flood_config(std::size_t lines) {
  MachineConfig config = config_of("flood");
  config.append = {"-- " + std::to_string(lines)};
  return config;
}

/// Both of this process, in KiB.
std::string memory_of(pid_t pid) {
  std::string text = "log keeper:";
  const std::string status = files::read("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (const auto line : split(status, '\n')) {
    for (const std::string_view key : {"Rss:", "Pss:", "Private_Dirty:"}) {
      if (line.rfind(key, 0) == 0) text += " " + std::string(line);
    }
  }
  return text;
}

Task<void> flood(Amount amount) {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options = detached(root);
  options.log_limit = amount.limit;
  Machine machine = co_await Machine::launch(flood_config(amount.lines), options);
  const auto log = machine.directory() / instance_file::kSerial;
  Loop& loop = co_await current_loop();
  FileTail tail(loop, log);
  LineCounter followed;
  std::uint64_t most = 0;
  for (std::size_t reads = 0; followed.last != kReady; ++reads) {
    const TailChunk chunk = co_await tail.next();
    followed.feed(chunk);
    most = std::max(most, on_disk(log));
  }
  const auto directory = InstanceDirectory::open(machine.directory());
  const std::uint64_t limit = amount.limit.count();
  const auto is_short = [&] { return on_disk(log) <= limit + limit / 8 + 2 * 4096; };
  if (!log_limit_problem(directory.fd())) co_await eventually(is_short);
  const auto keeper = find_log_keeper(directory);
  if (is_real()) {
    WARN(tail.offset() << " bytes printed, at most " << most << " on the disk, limit " << limit
                       << "; " << (keeper ? memory_of(keeper->pid()) : "no log keeper"));
    CHECK(followed.skips == 0);
    CHECK(followed.lines == amount.lines);
  }
  CHECK(followed.gaps == 0);
  const std::uint64_t kept_from = console::log_start(log);
  CHECK(kept_from > 0);
  CHECK(tail.offset() - kept_from >= limit);
  FileTail again(loop, log, kept_from);
  LineCounter kept;
  for (TailChunk chunk = again.poll(); !chunk.data.empty(); chunk = again.poll()) kept.feed(chunk);
  CHECK(kept.gaps == 0);
  CHECK(kept.skips == 0);
  CHECK(kept.last == kReady);
  co_await machine.stop(StopOptions::kill());
  CHECK_FALSE(find_log_keeper(directory).has_value());
  CHECK(guard.leaked().empty());
}

}  // namespace

TEST_CASE("a guest that prints far beyond its limit leaves the end of its log") {
  const Amount amount;
  testkit::run_async(flood(amount), amount.deadline);
}

VMFLEET_ASYNC_TEST_CASE("a log keeper that was killed does not end its machine, and is replaced") {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options = detached(root);
  options.log_limit = Bytes::mebi(1);
  Machine machine = co_await boot(config_of("marker"), options);
  const auto directory = InstanceDirectory::open(machine.directory());
  if (log_limit_problem(directory.fd())) co_return;
  const auto is_kept = [&] { return find_log_keeper(directory).has_value(); };
  co_await eventually(is_kept);
  const auto first = find_log_keeper(directory);
  first->signal(SIGKILL);
  co_await first->wait_end();
  CHECK(machine.report().state == MachineState::ready);
  CHECK_FALSE(is_kept());
  const std::string printed = files::read(directory.file(instance_file::kSerial));
  Machine adopted = co_await Machine::adopt(machine.directory());
  co_await eventually(is_kept);
  CHECK(files::read(directory.file(instance_file::kSerial)) == printed);
  co_await adopted.stop(StopOptions::kill());
  CHECK_FALSE(is_kept());
  CHECK(guard.leaked().empty());
}

VMFLEET_ASYNC_TEST_CASE("a log keeper ends with its machine, however that ends") {
  ProcessLeakGuard guard;
  const TempDir root;
  LaunchOptions options = detached(root);
  options.log_limit = Bytes::mebi(1);
  Machine machine = co_await boot(config_of("marker"), options);
  REQUIRE(::kill(machine.pid(), SIGKILL) == 0);
  co_await machine.wait_exit();
  const auto directory = InstanceDirectory::open(machine.directory());
  const auto is_gone = [&] { return !find_log_keeper(directory).has_value(); };
  co_await eventually(is_gone);
  LaunchOptions own = ephemeral();
  own.log_limit = Bytes::mebi(1);
  { Machine mortal = co_await boot(config_of("marker"), own); }
  CHECK(guard.leaked().empty());
}

VMFLEET_ASYNC_TEST_CASE("without a limit there is no log keeper") {
  ProcessLeakGuard guard;
  Machine machine = co_await boot(config_of("marker"), ephemeral());
  CHECK_FALSE(find_log_keeper(InstanceDirectory::open(machine.directory())).has_value());
}
