// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <cerrno>

#include <vmfleet/async/event.hpp>

#include "tests/unit/io/tailing.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

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

TEST_CASE("a folder that does not exist is an error, and so is one that is a file") {
  Loop loop;
  const TempDir folder;
  append(folder / "file", "x");
  try {
    const FileTail tail(loop, folder / "none/log");
    FAIL("it was accepted");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::not_found);
    REQUIRE_THAT(error.message(), ContainsSubstring("none"));
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
  REQUIRE_THROWS_WITH(loop.run(never.wait()),
                      ContainsSubstring("deadlock: nothing can happen any more"));
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
