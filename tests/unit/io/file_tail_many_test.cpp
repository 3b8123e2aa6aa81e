// SPDX-License-Identifier: MIT
// Many bytes, many writers, many tails.
#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/io/tailing.hpp"

using namespace vmfleet;
using namespace vmfleet::test;
using namespace std::chrono_literals;

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
