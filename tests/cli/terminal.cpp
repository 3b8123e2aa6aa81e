// SPDX-License-Identifier: MIT
// A pseudo-terminal and the program behind it.
#include "tests/cli/terminal.hpp"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "tests/support/catch.hpp"

namespace vmfleet::test {

namespace {

constexpr int kPatienceMs = 120'000;

}  // namespace

Terminal::Terminal(const Vmfleet& world, Words arguments, unsigned short rows,
                   unsigned short columns) {
  arguments.insert(arguments.begin(), program_path());
  Words environment = world.environment_list();
  const auto argv = pointers(arguments);
  const auto envp = pointers(environment);
  winsize size{rows, columns, 0, 0};
  int master = -1;
  pid_ = ::forkpty(&master, nullptr, nullptr, &size);
  if (pid_ == 0) {
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  REQUIRE(pid_ > 0);
  master_ = UniqueFd(master);
  ::tcgetattr(master_.get(), &modes_);
}

Terminal::~Terminal() {
  if (code_ >= 0) return;
  ::kill(pid_, SIGTERM);
  wait();
}

Terminal::Read Terminal::read_within(int milliseconds) {
  pollfd readable{master_.get(), POLLIN, 0};
  if (::poll(&readable, 1, milliseconds) <= 0) return Read::nothing_yet;
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(master_.get(), buffer.data(), buffer.size());
  if (count <= 0) return Read::end;  // EIO: the program has closed its side
  output_.append(buffer.data(), static_cast<std::size_t>(count));
  return Read::some;
}

bool Terminal::read_more() {
  return read_within(kPatienceMs) == Read::some;
}

bool Terminal::has_come(const std::string& text) {
  const auto at = output_.find(text, seen_);
  if (at == std::string::npos) return false;
  seen_ = at + text.size();
  return true;
}

void Terminal::wait_for(const std::string& text) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!has_come(text)) {  // nor does it come where other things come without end
    if (!read_more() || Clock::now() >= end)
      FAIL("no '" << text << "' on the terminal, but:\n" << output_);
  }
}

void Terminal::type_until(const std::string& keys, const std::string& text) {
  constexpr int kBetweenMs = 100;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(kPatienceMs);
  auto next = Clock::now();
  while (!has_come(text)) {
    if (Clock::now() >= next) {  // not for each thing that is read: what is typed is echoed
      type(keys);
      next = Clock::now() + std::chrono::milliseconds(kBetweenMs);
    }
    if (read_within(kBetweenMs) == Read::end || Clock::now() >= end) {
      FAIL("no '" << text << "' on the terminal, but:\n" << output_);
    }
  }
}

void Terminal::signal(int number) const {
  REQUIRE(::kill(pid_, number) == 0);
}

void Terminal::type(const std::string& keys) const {
  REQUIRE(::write(master_.get(), keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
}

int Terminal::wait() {
  while (read_more()) continue;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return code_;
}

bool Terminal::cursor_is_shown() const {
  const auto hidden = output_.rfind("\x1b[?25l");
  const auto shown = output_.rfind("\x1b[?25h");
  return hidden == std::string::npos || (shown != std::string::npos && shown > hidden);
}

bool Terminal::modes_are_unchanged() const {
  termios now{};
  if (::tcgetattr(master_.get(), &now) != 0) return false;
  return now.c_iflag == modes_.c_iflag && now.c_oflag == modes_.c_oflag &&
         now.c_lflag == modes_.c_lflag && now.c_cflag == modes_.c_cflag;
}

}  // namespace vmfleet::test
