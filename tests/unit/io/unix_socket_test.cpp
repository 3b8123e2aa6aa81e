// SPDX-License-Identifier: MIT
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/io/unix_socket.hpp>

#include "tests/unit/io/small_files.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

namespace {

/// A folder whose path has more than 200 characters.
std::filesystem::path deep_folder(const TempDir& folder) {
  const auto deep = folder / (std::string(120, 'a') + "/" + std::string(120, 'b'));
  std::filesystem::create_directories(deep);
  return deep;
}

template <class Action>
ErrorKind kind_of_error(Action action) {
  try {
    action();
  } catch (const Error& error) {
    INFO(error.message());
    return error.kind();
  }
  FAIL("nothing was thrown");
  return ErrorKind::internal;
}

}  // namespace

TEST_CASE("listening and connecting work with a path of any length") {
  Loop loop;
  const TempDir folder;
  const auto path = deep_folder(folder) / std::string(80, 's');
  REQUIRE(path.string().size() > 300);
  auto listener = UnixListener::bind(loop, path);
  const auto root = [&]() -> Task<std::string> {
    auto client = co_await UnixSocket::connect(path);
    auto server = co_await listener.accept();
    co_await client.write("hello");
    char buffer[16];
    const std::size_t count = co_await server.read(buffer);
    co_return std::string(buffer, count);
  };
  REQUIRE(loop.run(root()) == "hello");
}

TEST_CASE("a socket is closed to other users, whatever the umask is") {
  Loop loop;
  const TempDir folder;
  const mode_t before = ::umask(0);
  const UniqueFd listener = listen_unix(folder / "s");
  ::umask(before);
  struct stat status {};
  REQUIRE(::stat((folder / "s").c_str(), &status) == 0);
  REQUIRE((status.st_mode & 07777) == 0600);
}

TEST_CASE("a socket knows its peer") {
  Loop loop;
  const TempDir folder;
  auto listener = UnixListener::bind(loop, folder / "s");
  const auto root = [&]() -> Task<void> {
    const auto client = co_await UnixSocket::connect(folder / "s");
    const auto peer = client.peer();
    REQUIRE(peer.has_value());
    REQUIRE(peer->pid == ::getpid());
    REQUIRE(peer->uid == ::getuid());
    REQUIRE(peer->gid == ::getgid());
  };
  loop.run(root());
}

TEST_CASE("a path that exists is a conflict, whatever it is") {
  Loop loop;
  const TempDir folder;
  const auto listener = UnixListener::bind(loop, folder / "s");
  append(folder / "file", "x");
  const auto before = open_descriptors();
  for (const char* name : {"s", "file"}) {
    REQUIRE(kind_of_error([&] { UnixListener::bind(loop, folder / name); }) == ErrorKind::conflict);
  }
  REQUIRE(open_descriptors() == before);
}

TEST_CASE("a last component that is too long is refused with a hint, not cut") {
  const TempDir folder;
  try {
    listen_unix(folder / std::string(101, 'x'));
    FAIL("it was accepted");
  } catch (const Error& error) {
    REQUIRE(error.kind() == ErrorKind::invalid_config);
    REQUIRE_FALSE(error.hint().empty());
  }
  REQUIRE(entries_in(folder.path()) == 0);
}

TEST_CASE("connecting tells a missing socket, a missing folder and a dead socket apart") {
  Loop loop;
  const TempDir folder;
  const auto connect = [&](std::filesystem::path path) {
    return kind_of_error([&] { loop.run(UnixSocket::connect(path)); });
  };
  REQUIRE(connect(folder / "none") == ErrorKind::not_found);
  REQUIRE(connect(folder / "no/folder") == ErrorKind::not_found);
  listen_unix(folder / "dead").reset();
  REQUIRE(connect(folder / "dead") == ErrorKind::disconnected);
}

TEST_CASE("a socket that listens for another program has a queue of its own") {
  Loop loop;
  const TempDir folder;
  const UniqueFd listening = listen_unix(folder / "s");
  const auto root = [&]() -> Task<void> {
    auto client = co_await UnixSocket::connect(folder / "s");  // nobody has accepted it
    co_await client.write("early");
    const UniqueFd accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char buffer[8];
    REQUIRE(::read(accepted.get(), buffer, sizeof buffer) == 5);
  };
  loop.run(root());
}

TEST_CASE("connecting waits while the listener's queue is full") {
  Loop loop;
  const TempDir folder;
  const UniqueFd listening = listen_unix(folder / "s");
  bool connected = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    std::vector<UnixSocket> clients;
    try {
      for (int i = 0; i < 100; ++i) {
        auto client = co_await with_timeout(30ms, UnixSocket::connect(folder / "s"));
        clients.push_back(std::move(client));
      }
      FAIL("the queue has no end");
    } catch (const Error& error) {
      REQUIRE(error.kind() == ErrorKind::timed_out);
    }
    group.start([&]() -> Task<void> {
      auto client = co_await UnixSocket::connect(folder / "s");
      connected = true;
    });
    co_await yield_now();
    REQUIRE_FALSE(connected);
    const UniqueFd accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    while (!connected) co_await sleep_for(1ms);
  };
  loop.run(with_timeout(60s, with_task_group(body)));
}

TEST_CASE("a listener accepts every one of many clients") {
  Loop loop;
  const TempDir folder;
  auto listener = UnixListener::bind(loop, folder / "s");
  std::string answers;
  auto body = [&](TaskGroup& group) -> Task<void> {
    for (int i = 0; i < 50; ++i) {
      group.start([&]() -> Task<void> {
        auto client = co_await UnixSocket::connect(folder / "s");
        char byte = 0;
        co_await client.read(std::span<char>(&byte, 1));
        answers += byte;
      });
    }
    for (int i = 0; i < 50; ++i) {
      auto server = co_await listener.accept();
      co_await server.write("y");
    }
  };
  loop.run(with_timeout(60s, with_task_group(body)));
  REQUIRE(answers == std::string(50, 'y'));
}

TEST_CASE("a cancelled accept leaves the next client to the next accept") {
  Loop loop;
  const TempDir folder;
  auto listener = UnixListener::bind(loop, folder / "s");
  const auto accept = [&]() -> Task<void> { co_await listener.accept(); };
  const auto root = [&]() -> Task<void> {
    CancelScope scope;
    scope.cancel();
    const auto ended = co_await scope.run(accept());
    REQUIRE_FALSE(ended.has_value());
    const auto client = co_await UnixSocket::connect(folder / "s");
    const auto server = co_await listener.accept();
    REQUIRE(server.peer().has_value());
  };
  loop.run(root());
}

TEST_CASE("connecting, failing and closing leave no descriptor behind") {
  Loop loop;
  const TempDir folder;
  auto listener = UnixListener::bind(loop, folder / "s");
  const auto before = open_descriptors();
  const auto root = [&]() -> Task<void> {
    for (int i = 0; i < 20; ++i) {
      auto client = co_await UnixSocket::connect(folder / "s");
      auto server = co_await listener.accept();
      try {
        co_await UnixSocket::connect(folder / "none");
      } catch (const Error&) {
      }
    }
  };
  loop.run(root());
  REQUIRE(open_descriptors() == before);
}

TEST_CASE("a listener may move while it accepts") {
  Loop loop;
  const TempDir folder;
  auto listener = UnixListener::bind(loop, folder / "s");
  bool accepted = false;
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start([&]() -> Task<void> {
      const auto server = co_await listener.accept();
      accepted = true;
    });
    co_await yield_now();
    auto moved = std::make_unique<UnixListener>(std::move(listener));
    const auto client = co_await UnixSocket::connect(folder / "s");
    while (!accepted) co_await yield_now();
  };
  loop.run(with_timeout(60s, with_task_group(body)));
}
