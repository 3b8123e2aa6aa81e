// SPDX-License-Identifier: MIT
// Files that begin again, or give their name to another.
#include <unistd.h>

#include "tests/unit/io/tailing.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

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
      REQUIRE_THAT(error.message(), ContainsSubstring("machine/log"));
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
