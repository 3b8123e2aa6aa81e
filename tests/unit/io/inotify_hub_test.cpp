// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/file_tail.hpp>

#include "io/inotify_hub.hpp"
#include "tests/support/refuse.hpp"
#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

/// More events for `path` and another file than the kernel's queue holds.
void overflow_the_queue(const TempDir& folder) {
  long limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  const int left = ::open((folder / "left").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const int right = ::open((folder / "right").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  for (long i = 0; i < limit / 2 + 10; ++i) {  // equal neighbours would become one event
    REQUIRE(::write(left, "x", 1) == 1);
    REQUIRE(::write(right, "x", 1) == 1);
  }
  ::close(left);
  ::close(right);
}

}  // namespace

TEST_CASE("an overflow of the kernel's queue hides neither growth nor replacement") {
  Loop loop;
  const TempDir folder;
  append(folder / "grows", "a");
  append(folder / "replaced", "a");
  FileTail grows(loop, folder / "grows", 1);
  FileTail replaced(loop, folder / "replaced", 1);
  REQUIRE(grows.poll().data.empty());
  REQUIRE(replaced.poll().data.empty());
  TailChunk grown;
  TailChunk fresh;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { grown = co_await grows.next(); });
    group.start([&]() -> Task<void> { fresh = co_await replaced.next(); });
    co_await sleep_for(1ms);
    overflow_the_queue(folder);
    append(folder / "new", "b");
    std::filesystem::rename(folder / "new", folder / "replaced");
    append(folder / "grows", "b");
    append(folder / "late", "only the overflow can tell");
  };
  loop.run(with_timeout(60s, with_task_group(body)));
  REQUIRE(grown.data == "b");
  REQUIRE(fresh.data == "b");
  REQUIRE(fresh.restarted);
}

TEST_CASE("a limit of the user's inotify instances or watches is an error with a hint") {
  const TempDir folder;
  const auto hint = [&] {
    Loop loop;
    for (int i = 0; i < 2; ++i) {  // the second attempt begins anew
      try {
        const FileTail tail(loop, folder / "log");
        return std::string("it was made");
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unavailable) return std::string(error.message());
        if (i == 1) return error.hint();
      }
    }
    return std::string();
  };
  REQUIRE(holds_without(SYS_inotify_init1, EMFILE,
                        [&] { return hint() == "raise fs.inotify.max_user_instances"; }));
  REQUIRE(holds_without(SYS_inotify_add_watch, ENOSPC,
                        [&] { return hint() == "raise fs.inotify.max_user_watches"; }));
}
