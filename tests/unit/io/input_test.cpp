// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <string>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/input.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/temp_dir.hpp"

#include <vmfleet/testkit/catch2.hpp>

using namespace vmfleet;
using namespace vmfleet::test;

namespace {

Task<std::string> read_to_end(Input& input) {
  std::string text;
  std::array<char, 4> block{};
  for (;;) {
    const std::size_t count = co_await input.read(block);
    if (count == 0) co_return text;
    text.append(block.data(), count);
  }
}

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    from = UniqueFd(ends[0]);
    to = UniqueFd(ends[1]);
  }
  void write(std::string_view text) const {
    REQUIRE(::write(to.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

  UniqueFd from;
  UniqueFd to;
};

bool is_blocking(int fd) {
  return (::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
}

}  // namespace

VMFLEET_ASYNC_TEST_CASE("a pipe is read to its end, and stays blocking for who shares it") {
  Loop& loop = co_await current_loop();
  Pipe pipe;
  Input input(loop, pipe.from.get());
  std::string seen;
  auto body = [&](TaskGroup& group) -> Task<void> {
    auto read = [&]() -> Task<void> { seen = co_await read_to_end(input); };
    group.start(read);
    co_await yield_now();
    pipe.write("hello, ");
    co_await sleep_for(Milliseconds(1));
    pipe.write("world");
    pipe.to.reset();
  };
  co_await with_task_group(body);
  REQUIRE(seen == "hello, world");
  REQUIRE(is_blocking(pipe.from.get()));
}

VMFLEET_ASYNC_TEST_CASE("a regular file is read from where it stands") {
  Loop& loop = co_await current_loop();
  const TempDir temp;
  const UniqueFd file(::open((temp / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  REQUIRE(::write(file.get(), "0123456789", 10) == 10);
  REQUIRE(::lseek(file.get(), 4, SEEK_SET) == 4);
  Input input(loop, file.get());
  const std::string seen = co_await read_to_end(input);
  REQUIRE(seen == "456789");
}

VMFLEET_ASYNC_TEST_CASE("the null device ends at once") {
  Loop& loop = co_await current_loop();
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  Input input(loop, null.get());
  const std::string seen = co_await read_to_end(input);
  REQUIRE(seen.empty());
}

VMFLEET_ASYNC_TEST_CASE("a terminal that is closed ends the input") {
  Loop& loop = co_await current_loop();
  int master = -1;
  int slave = -1;
  REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
  UniqueFd keyboard(master);
  const UniqueFd terminal(slave);
  Input input(loop, terminal.get());
  REQUIRE(::write(keyboard.get(), "ls\n", 3) == 3);
  std::array<char, 16> block{};
  const std::size_t typed = co_await input.read(block);
  REQUIRE(typed == 3);
  REQUIRE(is_blocking(terminal.get()));
  keyboard.reset();
  const std::size_t rest = co_await input.read(block);
  REQUIRE(rest == 0);
}

VMFLEET_ASYNC_TEST_CASE("a read that is cancelled takes nothing") {
  Loop& loop = co_await current_loop();
  Pipe pipe;
  Input input(loop, pipe.from.get());
  std::array<char, 16> block{};
  std::optional<ErrorKind> failed;
  try {
    co_await with_timeout(Milliseconds(1), input.read(block));
  } catch (const Error& error) {
    failed = error.kind();
  }
  REQUIRE(failed == ErrorKind::timed_out);
  pipe.write("late");
  const std::size_t count = co_await input.read(block);
  REQUIRE(count == 4);
}
