// SPDX-License-Identifier: MIT
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/file_tail.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

/// Everything from the tail until `size` bytes have come.
Task<std::string> read_bytes(FileTail& tail, std::size_t size) {
  std::string all;
  while (all.size() < size) {
    const TailChunk chunk = co_await tail.next();
    all += chunk.data;
  }
  co_return all;
}

template <class T>
T run(Loop& loop, Task<T> task) {
  return loop.run(with_timeout(60s, std::move(task)));
}

/// What one next() gives after `change()` was made while it waited.
TailChunk next_after(Loop& loop, FileTail& tail, const std::function<void()>& change) {
  TailChunk chunk;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { chunk = co_await tail.next(); });
    co_await sleep_for(1ms);
    REQUIRE(group.running() == 1);
    change();
  };
  run(loop, with_task_group(body));
  return chunk;
}

}  // namespace

TEST_CASE("what is there already comes at once, from the given offset") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "0123456789");
  FileTail tail(loop, folder / "log", 4);
  const TailChunk chunk = run(loop, tail.next());
  REQUIRE(chunk.offset == 4);
  REQUIRE(chunk.data == "456789");
  REQUIRE_FALSE(chunk.restarted);
  REQUIRE(tail.offset() == 10);
}

TEST_CASE("what is appended comes as it is appended") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "old");
  FileTail tail(loop, folder / "log", 3);
  for (int i = 0; i < 20; ++i) {
    const auto chunk = next_after(loop, tail, [&] { append(folder / "log", "x"); });
    REQUIRE(chunk.data == "x");
    REQUIRE(chunk.offset == 3U + static_cast<unsigned>(i));
  }
}

TEST_CASE("the file may come later") {
  Loop loop;
  const TempDir folder;
  FileTail tail(loop, folder / "log");
  const auto chunk = next_after(loop, tail, [&] { append(folder / "log", "born"); });
  REQUIRE(chunk.data == "born");
  REQUIRE_FALSE(chunk.restarted);
}

TEST_CASE("a truncated file begins again") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "long enough");
  FileTail tail(loop, folder / "log");
  run(loop, tail.next());
  const auto emptied =
      next_after(loop, tail, [&] { REQUIRE(::truncate((folder / "log").c_str(), 0) == 0); });
  REQUIRE(emptied.restarted);
  REQUIRE(emptied.data.empty());
  const auto chunk = next_after(loop, tail, [&] { append(folder / "log", "new"); });
  REQUIRE(chunk.data == "new");
  REQUIRE(chunk.offset == 0);
  REQUIRE_FALSE(chunk.restarted);
}

TEST_CASE("an offset beyond the end begins again too") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "short");
  FileTail tail(loop, folder / "log", 100);
  const TailChunk chunk = run(loop, tail.next());
  REQUIRE(chunk.restarted);
  REQUIRE(chunk.offset == 0);
  REQUIRE(chunk.data == "short");
}

TEST_CASE("a replaced file is read to its end before its successor begins") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "first");
  FileTail tail(loop, folder / "log");
  run(loop, tail.next());
  append(folder / "new", "second");
  const auto last = next_after(loop, tail, [&] {
    append(folder / "log", " and last");
    std::filesystem::rename(folder / "new", folder / "log");
  });
  REQUIRE(last.data == " and last");
  REQUIRE_FALSE(last.restarted);
  const TailChunk chunk = run(loop, tail.next());
  REQUIRE(chunk.data == "second");
  REQUIRE(chunk.offset == 0);
  REQUIRE(chunk.restarted);
}

TEST_CASE("after a removed file comes the next one of its name") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "first");
  FileTail tail(loop, folder / "log");
  run(loop, tail.next());
  std::filesystem::remove(folder / "log");
  const auto chunk = next_after(loop, tail, [&] { append(folder / "log", "second"); });
  REQUIRE(chunk.data == "second");
  REQUIRE(chunk.restarted);
}

TEST_CASE("a file that is renamed away and back is not read again") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "first");
  FileTail tail(loop, folder / "log");
  run(loop, tail.next());
  const auto chunk = next_after(loop, tail, [&] {
    std::filesystem::rename(folder / "log", folder / "away");
    std::filesystem::rename(folder / "away", folder / "log");
    append(folder / "log", " more");
  });
  REQUIRE(chunk.data == " more");
  REQUIRE(chunk.offset == 5);
  REQUIRE_FALSE(chunk.restarted);
}

TEST_CASE("two files that take each other's name again and again are read whole each time") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "generation 0");
  FileTail tail(loop, folder / "log");
  run(loop, tail.next());
  for (int i = 1; i <= 50; ++i) {
    const std::string text = "generation " + std::to_string(i);
    const auto chunk = next_after(loop, tail, [&] {
      append(folder / "new", text);
      std::filesystem::rename(folder / "new", folder / "log");
    });
    REQUIRE(chunk.restarted);
    REQUIRE(chunk.data == text);
  }
}

TEST_CASE("other files of the folder wake nobody") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "x");
  FileTail tail(loop, folder / "log", 1);
  const auto chunk = next_after(loop, tail, [&] {
    append(folder / "other", "noise");
    append(folder / "lo", "noise");
    append(folder / "log2", "noise");
    append(folder / "log", "y");
  });
  REQUIRE(chunk.data == "y");
}

TEST_CASE("single bytes from another thread arrive in order, none twice") {
  Loop loop;
  const TempDir folder;
  FileTail tail(loop, folder / "log");
  std::string sent;
  for (int i = 0; i < 5000; ++i) sent += static_cast<char>('a' + i % 26);
  std::thread writer([&] {
    const int fd = ::open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (const char& byte : sent) {
      if (::write(fd, &byte, 1) != 1) break;
    }
    ::close(fd);
  });
  const std::string received = run(loop, read_bytes(tail, sent.size()));
  writer.join();
  REQUIRE(received == sent);
}

TEST_CASE("bursts of a megabyte arrive whole, in chunks") {
  Loop loop;
  const TempDir folder;
  FileTail tail(loop, folder / "log");
  constexpr std::size_t kBurst = 1 << 20;
  std::thread writer([&] {
    for (const char letter : {'a', 'b', 'c'}) {
      const std::string burst(kBurst, letter);
      const int fd =
          ::open((folder / "log").c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
      if (::write(fd, burst.data(), burst.size()) < 0) break;
      ::close(fd);
    }
  });
  const std::string received = run(loop, read_bytes(tail, 3 * kBurst));
  writer.join();
  REQUIRE(received.size() == 3 * kBurst);
  REQUIRE(received.find_first_not_of('a') == kBurst);
  REQUIRE(received.find_first_not_of('b', kBurst) == 2 * kBurst);
}

TEST_CASE("a cancelled wait loses nothing") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "a");
  FileTail tail(loop, folder / "log", 1);
  std::string received;
  const auto root = [&]() -> Task<void> {
    for (int i = 0; i < 30; ++i) {
      CancelScope scope;
      auto body = [&](TaskGroup& group) -> Task<void> {
        group.start([&]() -> Task<void> {
          const auto read = [&]() -> Task<void> {
            const TailChunk chunk = co_await tail.next();
            received += chunk.data;
          };
          co_await scope.run(read());
        });
        append(folder / "log", "x");
        for (int turn = 0; turn < i % 8; ++turn) co_await yield_now();
        scope.cancel();
      };
      co_await with_task_group(body);
    }
    received += tail.poll().data;
  };
  run(loop, root());
  REQUIRE(received == std::string(30, 'x'));
}

TEST_CASE("polling gives what is new, and nothing when nothing is") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "a");
  FileTail tail(loop, folder / "log");
  REQUIRE(tail.poll().data == "a");
  REQUIRE(tail.poll().data.empty());
  append(folder / "log", "b");
  REQUIRE(tail.poll().data == "b");
}

TEST_CASE("two hundred tails share one inotify instance, and each gets its own") {
  Loop loop;
  const TempDir folder;
  const auto instances = [] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      const auto target = std::filesystem::read_symlink(entry.path(), gone);
      if (target == "anon_inode:inotify") ++count;
    }
    return count;
  };
  const int before = instances();
  std::vector<std::unique_ptr<FileTail>> tails;
  std::vector<std::string> received(200);
  std::filesystem::create_directory(folder / "other");
  for (int i = 0; i < 200; ++i) {
    const auto name = std::to_string(i);
    tails.push_back(
        std::make_unique<FileTail>(loop, i % 2 == 0 ? folder / name : folder / ("other/" + name)));
  }
  REQUIRE(instances() == before + 1);
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (std::size_t i = 0; i < 200; ++i) {
      group.start([&, i]() -> Task<void> {
        received[i] = co_await read_bytes(*tails[i], 2 * std::to_string(i).size());
      });
    }
    for (int round = 0; round < 2; ++round) {
      for (int i = 0; i < 200; ++i) {
        const auto name = std::to_string(i);
        append(i % 2 == 0 ? folder / name : folder / ("other/" + name), name);
      }
      co_await sleep_for(1ms);
    }
  };
  run(loop, with_task_group(body));
  for (std::size_t i = 0; i < 200; ++i) {
    REQUIRE(received[i] == std::to_string(i) + std::to_string(i));
  }
}

TEST_CASE("two tails of one file both get everything, and one may end before the other") {
  Loop loop;
  const TempDir folder;
  FileTail first(loop, folder / "log");
  {
    FileTail second(loop, folder / "log");
    append(folder / "log", "ab");
    REQUIRE(run(loop, first.next()).data == "ab");
    REQUIRE(run(loop, second.next()).data == "ab");
  }
  const auto chunk = next_after(loop, first, [&] { append(folder / "log", "c"); });
  REQUIRE(chunk.data == "c");
}

TEST_CASE("tails may come and go while another waits") {
  Loop loop;
  const TempDir folder;
  FileTail tail(loop, folder / "log");
  const auto chunk = next_after(loop, tail, [&] {
    for (int i = 0; i < 20; ++i) {
      const FileTail sibling(loop, folder / "sibling");
      append(folder / "sibling", "x");
    }
    append(folder / "log", "seen");
  });
  REQUIRE(chunk.data == "seen");
}

TEST_CASE("a folder that does not exist is an error, and so is one that is a file") {
  Loop loop;
  const TempDir folder;
  append(folder / "file", "x");
  try {
    const FileTail tail(loop, folder / "none/log");
    FAIL("it was accepted");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE_THAT(error.what(), ContainsSubstring("none"));
  }
  REQUIRE_THROWS_AS(FileTail(loop, folder / "file/log"), Error);
}

TEST_CASE("what cannot be read is an error of the wait") {
  Loop loop;
  const TempDir folder;
  std::filesystem::create_directory(folder / "log");
  FileTail tail(loop, folder / "log");
  REQUIRE_THROWS_AS(run(loop, tail.next()), Error);
}

TEST_CASE("a tail keeps no loop alive that nobody waits on") {
  Loop loop;
  const TempDir folder;
  FileTail tail(loop, folder / "log");
  Event never;
  REQUIRE_THROWS_WITH(loop.run(never.wait()), "deadlock: nothing can happen any more");
}

TEST_CASE("polling alone sees a file come, and another take its place") {
  Loop loop;
  const TempDir folder;
  FileTail tail(loop, folder / "log");
  REQUIRE(tail.poll().data.empty());
  append(folder / "log", "first");
  REQUIRE(tail.poll().data == "first");
  append(folder / "new", "second");
  std::filesystem::rename(folder / "new", folder / "log");
  const TailChunk chunk = tail.poll();
  REQUIRE(chunk.data == "second");
  REQUIRE(chunk.restarted);
}

TEST_CASE("a file that could not be opened is tried again by the next wait") {
  if (::geteuid() != 0) return;  // root may read anything, so the test becomes another user
  Loop loop;
  const TempDir folder;
  append(folder / "log", "secret");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  FileTail tail(loop, folder / "log");
  REQUIRE(::seteuid(65534) == 0);
  bool refused = false;
  try {
    run(loop, tail.next());
  } catch (const Error& error) {
    refused = error.code().value() == EACCES;
  }
  REQUIRE(::seteuid(0) == 0);
  REQUIRE(refused);
  REQUIRE(run(loop, tail.next()).data == "secret");
}

TEST_CASE("a wait ends when the folder is removed, after the last bytes") {
  Loop loop;
  const TempDir folder;
  std::filesystem::create_directory(folder / "machine");
  append(folder / "machine/log", "first");
  FileTail tail(loop, folder / "machine/log");
  run(loop, tail.next());
  const auto chunk = next_after(loop, tail, [&] {
    append(folder / "machine/log", " and last");
    std::filesystem::remove_all(folder / "machine");
  });
  REQUIRE(chunk.data == " and last");
  for (int i = 0; i < 2; ++i) {
    try {
      run(loop, tail.next());
      FAIL("there is nothing more to come");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::not_found);
      REQUIRE_THAT(error.what(), ContainsSubstring("machine/log"));
    }
  }
}

TEST_CASE("a folder that was removed and made again is followed by a new tail") {
  Loop loop;
  const TempDir folder;
  std::filesystem::create_directory(folder / "machine");
  FileTail old(loop, folder / "machine/log");
  std::filesystem::remove(folder / "machine");
  std::filesystem::create_directory(folder / "machine");
  FileTail tail(loop, folder / "machine/log");
  const auto chunk = next_after(loop, tail, [&] { append(folder / "machine/log", "new"); });
  REQUIRE(chunk.data == "new");
  REQUIRE(run(loop, old.next()).data == "new");
  REQUIRE_THROWS_WITH(run(loop, old.next()), ContainsSubstring("was removed"));
}

TEST_CASE("a tail may move while it is waited on") {
  Loop loop;
  const TempDir folder;
  std::vector<FileTail> tails;
  tails.emplace_back(loop, folder / "log");
  const auto chunk = next_after(loop, tails.front(), [&] {
    for (int i = 0; i < 10; ++i) tails.emplace_back(loop, folder / "other");
    append(folder / "log", "x");
  });
  REQUIRE(chunk.data == "x");
}

TEST_CASE("a file that was renamed away is followed until it has a successor") {
  Loop loop;
  const TempDir folder;
  append(folder / "log", "a");
  FileTail tail(loop, folder / "log");
  run(loop, tail.next());
  std::filesystem::rename(folder / "log", folder / "log.1");
  REQUIRE(tail.poll().data.empty());
  append(folder / "log.1", "b");
  REQUIRE(tail.poll().data == "b");
  append(folder / "log", "c");
  const TailChunk chunk = run(loop, tail.next());
  REQUIRE(chunk.data == "c");
  REQUIRE(chunk.restarted);
}
