// SPDX-License-Identifier: MIT
#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/unix_socket.hpp>

#include "tests/support/death.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

struct Pair {
  std::optional<UnixSocket> ours;
  std::optional<UnixSocket> theirs;
  explicit Pair(Loop& loop) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    ours = UnixSocket::adopt(loop, UniqueFd(ends[0]));
    theirs = UnixSocket::adopt(loop, UniqueFd(ends[1]));
  }
};

Task<std::string> read_to_end(UnixSocket& socket, std::size_t step) {
  std::string all;
  std::string buffer(step, '\0');
  while (const std::size_t count = co_await socket.read(buffer)) all.append(buffer, 0, count);
  co_return all;
}

/// The kind of the error that ended the task.
Task<std::optional<ErrorKind>> error_of(Task<void> task) {
  try {
    co_await std::move(task);
  } catch (const Error& error) {
    co_return error.kind();
  }
  co_return std::nullopt;
}

Task<void> read_once(UnixSocket& socket) {
  char byte = 0;
  co_await socket.read(std::span<char>(&byte, 1));
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& byte : text) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace

TEST_CASE("a big write arrives whole at a slow reader") {
  Loop loop;
  Pair pair(loop);
  const std::string sent = pattern(8 << 20);
  std::string received;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      co_await pair.ours->write(sent);
      pair.ours->close();
    });
    received = co_await read_to_end(*pair.theirs, 5000);
  };
  loop.run(with_task_group(body));
  REQUIRE((received == sent));
}

TEST_CASE("both sides may write more than the kernel buffers, while both read") {
  Loop loop;
  Pair pair(loop);
  const std::string sent = pattern(1 << 20);
  std::string received[2];
  const auto exchange = [&](UnixSocket& socket, std::string& into) -> Task<void> {
    auto body = [&](TaskGroup& group) -> Task<void> {
      group.start([&]() -> Task<void> { co_await socket.write(sent); });
      std::string buffer(3000, '\0');
      while (into.size() < sent.size()) {
        const std::size_t count = co_await socket.read(buffer);
        into.append(buffer, 0, count);
      }
    };
    co_await with_task_group(body);
  };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(exchange, std::ref(*pair.ours), std::ref(received[0]));
    group.start(exchange, std::ref(*pair.theirs), std::ref(received[1]));
    co_return;
  };
  loop.run(with_task_group(body));
  REQUIRE((received[0] == sent));
  REQUIRE((received[1] == sent));
}

TEST_CASE("the end of the stream reads as zero, again and again") {
  Loop loop;
  Pair pair(loop);
  const auto root = [&]() -> Task<void> {
    co_await pair.theirs->write("bye");
    pair.theirs->close();
    char buffer[16];
    const std::size_t first = co_await pair.ours->read(buffer);
    const std::size_t second = co_await pair.ours->read(buffer);
    const std::size_t third = co_await pair.ours->read(buffer);
    REQUIRE(first == 3);
    REQUIRE(second == 0);
    REQUIRE(third == 0);
  };
  loop.run(root());
}

TEST_CASE("a peer that closes with our data unread is a disconnection") {
  Loop loop;
  Pair pair(loop);
  const auto root = [&]() -> Task<std::optional<ErrorKind>> {
    co_await pair.ours->write("never read");
    pair.theirs->close();
    co_return co_await error_of(read_once(*pair.ours));
  };
  REQUIRE(loop.run(root()) == ErrorKind::disconnected);
}

TEST_CASE("writing to a closed peer is a disconnection, and no SIGPIPE") {
  Loop loop;
  Pair pair(loop);
  pair.theirs->close();
  REQUIRE(loop.run(error_of(pair.ours->write("x"))) == ErrorKind::disconnected);
}

TEST_CASE("a peer that goes away in the middle of a big write ends it") {
  Loop loop;
  Pair pair(loop);
  const std::string big(4 << 20, 'x');
  std::optional<ErrorKind> kind;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { kind = co_await error_of(pair.ours->write(big)); });
    co_await read_once(*pair.theirs);
    pair.theirs->close();
  };
  loop.run(with_task_group(body));
  REQUIRE(kind == ErrorKind::disconnected);
}

TEST_CASE("closing a socket ends the read and the write that wait") {
  Loop loop;
  Pair pair(loop);
  const std::string big(4 << 20, 'x');
  std::optional<ErrorKind> read_kind;
  std::optional<ErrorKind> write_kind;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { read_kind = co_await error_of(read_once(*pair.ours)); });
    group.start([&]() -> Task<void> { write_kind = co_await error_of(pair.ours->write(big)); });
    co_await sleep_for(1ms);
    pair.ours->close();
    pair.ours->close();
  };
  loop.run(with_task_group(body));
  REQUIRE(read_kind == ErrorKind::disconnected);
  REQUIRE(write_kind == ErrorKind::disconnected);
  REQUIRE(loop.run(error_of(read_once(*pair.ours))) == ErrorKind::disconnected);
  REQUIRE_FALSE(pair.ours->peer().has_value());
}

TEST_CASE("a cancelled read has taken nothing") {
  Loop loop;
  Pair pair(loop);
  for (int turns_before = 0; turns_before < 8; ++turns_before) {
    CancelScope scope;
    std::string got;
    auto body = [&](TaskGroup& group) -> Task<void> {
      group.start([&]() -> Task<void> {
        const auto read = [&]() -> Task<void> {
          char buffer[8];
          const std::size_t count = co_await pair.ours->read(buffer);
          got.append(buffer, count);
        };
        co_await scope.run(read());
      });
      co_await pair.theirs->write("ab");
      for (int i = 0; i < turns_before; ++i) co_await yield_now();
      scope.cancel();
    };
    loop.run(with_task_group(body));
    if (got.empty()) {
      const auto rest = [&]() -> Task<void> {
        char buffer[8];
        const std::size_t count = co_await pair.ours->read(buffer);
        got.append(buffer, count);
      };
      loop.run(rest());
    }
    REQUIRE(got == "ab");
  }
}

TEST_CASE("a peer that never pauses does not keep other tasks from running") {
  Loop loop;
  Pair pair(loop);
  bool stop = false;
  long beats = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      const std::string block(64 << 10, 'x');
      while (!stop) co_await pair.theirs->write(block);
      pair.theirs->close();
    });
    group.start([&]() -> Task<void> { co_await read_to_end(*pair.ours, 64 << 10); });
    while (beats < 50) {
      co_await yield_now();
      ++beats;
    }
    stop = true;
  };
  loop.run(with_task_group(body));
}

TEST_CASE("a socket may move while it is read") {
  Loop loop;
  Pair pair(loop);
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> { co_await read_once(*pair.ours); });
    co_await yield_now();
    UnixSocket moved(std::move(*pair.ours));
    co_await pair.theirs->write("x");
    while (group.running() > 0) co_await yield_now();
  };
  loop.run(with_task_group(body));
}

TEST_CASE("nothing is written in a cancelled scope") {
  Loop loop;
  Pair pair(loop);
  CancelScope scope;
  scope.cancel();
  const auto root = [&]() -> Task<std::string> {
    const auto written = co_await scope.run(pair.ours->write("too late"));
    REQUIRE_FALSE(written.has_value());
    pair.ours->close();
    co_return co_await read_to_end(*pair.theirs, 100);
  };
  REQUIRE(loop.run(root()).empty());
}

TEST_CASE("a writer whose peer always has room does not keep other tasks from running") {
  Loop loop;
  Pair pair(loop);
  bool written = false;
  int beats = 0;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      for (int i = 0; i < 50; ++i) co_await pair.ours->write("x");
      written = true;
    });
    while (!written) {
      ++beats;
      co_await yield_now();
    }
  };
  loop.run(with_task_group(body));
  REQUIRE(beats >= 50);
}

TEST_CASE("destroying a socket that is read ends the process") {
  const std::string said = death_of([] {
    Loop loop;
    Pair pair(loop);
    auto body = [&](TaskGroup& group) -> Task<void> {
      group.start([&]() -> Task<void> { co_await read_once(*pair.ours); });
      co_await sleep_for(1ms);
      pair.ours.reset();
    };
    loop.run(with_task_group(body));
  });
  REQUIRE_THAT(said, ContainsSubstring("a socket was destroyed while a task uses it"));
}
