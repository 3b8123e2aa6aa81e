// SPDX-License-Identifier: MIT
#include <fcntl.h>

#include <cerrno>

#include <vmfleet/base/unique_fd.hpp>

#include "tests/unit/io/tailing.hpp"

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

constexpr std::size_t kBlock = 4096;

std::string blocks(const std::string& letters) {
  std::string text;
  for (const char letter : letters) text += std::string(kBlock, letter);
  return text;
}

/// Frees so many blocks at the head; false where the file system frees no parts of files.
bool free_head(const std::filesystem::path& file, std::size_t count) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const bool freed = ::fallocate(fd.get(), mode, 0, static_cast<off_t>(count * kBlock)) == 0;
  if (!freed) WARN("this file system frees no parts of files");
  return freed;
}

}  // namespace

TEST_CASE("a tail that begins in a freed part goes on where the file is still there") {
  const TempDir temp;
  append(temp / "log", blocks("abc"));
  if (!free_head(temp / "log", 2)) return;
  Loop loop;
  FileTail tail(loop, temp / "log", 10);
  const TailChunk chunk = tail.poll();
  REQUIRE(chunk.restarted);
  REQUIRE(chunk.offset == 2 * kBlock);
  REQUIRE(chunk.data == blocks("c"));
}

TEST_CASE("a tail that read too slowly skips what was freed meanwhile") {
  const TempDir temp;
  append(temp / "log", blocks("a"));
  Loop loop;
  FileTail tail(loop, temp / "log");
  REQUIRE(tail.poll().data == blocks("a"));
  append(temp / "log", blocks("bcd"));
  if (!free_head(temp / "log", 3)) return;
  const TailChunk chunk = run(loop, tail.next());
  REQUIRE(chunk.restarted);
  REQUIRE(chunk.offset == 3 * kBlock);
  REQUIRE(chunk.data == blocks("d"));
  append(temp / "log", "more");
  REQUIRE(run(loop, tail.next()).data == "more");
}

TEST_CASE("a tail of a file that was freed to its end waits for more") {
  const TempDir temp;
  append(temp / "log", blocks("ab"));
  if (!free_head(temp / "log", 2)) return;
  Loop loop;
  FileTail tail(loop, temp / "log");
  REQUIRE(tail.poll().data.empty());
  append(temp / "log", "more");
  REQUIRE(run(loop, tail.next()).data == "more");
}

TEST_CASE("NUL bytes that were written are read") {
  const TempDir temp;
  const std::string text = "a" + std::string(3 * kBlock, '\0') + "b";
  append(temp / "log", text);
  Loop loop;
  FileTail tail(loop, temp / "log");
  const TailChunk chunk = tail.poll();
  REQUIRE_FALSE(chunk.restarted);
  REQUIRE(chunk.data == text);
}
