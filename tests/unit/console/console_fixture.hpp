// SPDX-License-Identifier: MIT
// A console's files in a temporary folder, and the guest's side of them.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/unique_fd.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

namespace vmfleet::test {

inline void append(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

struct ConsoleFiles {
  TempDir folder;
  std::filesystem::path log = folder / "serial.log";
  std::filesystem::path input = folder / "serial.in";

  ConsoleFiles() { REQUIRE(::mkfifo(input.c_str(), 0600) == 0); }
  void print(std::string_view text) const { append(log, text); }
  /// The guest's end of the input, as QEMU holds it.
  [[nodiscard]] UniqueFd plug_in() const {
    UniqueFd fd(::open(input.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(fd);
    return fd;
  }
};

inline std::string read_now(int fd) {
  std::string text(1 << 20, '\0');
  const ssize_t count = ::read(fd, text.data(), text.size());
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return text;
}

template <class T>
T run(Loop& loop, Task<T> task) {
  return loop.run(with_timeout(Milliseconds(60'000), std::move(task)));
}

/// What `task` gives when `guest` acts as soon as everything waits.
template <class T>
T run_with_guest(Loop& loop, Task<T> task, std::function<Task<void>()> guest) {
  std::optional<T> result;
  auto waiting = [&]() -> Task<void> { result.emplace(co_await std::move(task)); };
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(waiting);
    group.start(guest);
    co_return;
  };
  run(loop, with_task_group(body));
  return std::move(*result);
}

/// The error that `task` ends with.
template <class T>
Error error_of(Loop& loop, Task<T> task) {
  try {
    run(loop, std::move(task));
  } catch (const Error& error) {
    return error;
  }
  FAIL("it did not fail");
  return Error(ErrorKind::internal, "");
}

}  // namespace vmfleet::test
