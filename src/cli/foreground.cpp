// SPDX-License-Identifier: MIT
// A child in the foreground, and its signals.
#include "cli/foreground.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/process.hpp>

#include "cli/exit_code.hpp"

namespace vmfleet::cli {

namespace {

/// What we were given, and what the child gets: of ours nothing is inherited.
std::vector<std::pair<int, int>> given_descriptors() {
  std::vector<std::pair<int, int>> given;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string name = entry.path().filename().string();
    int fd = -1;
    std::from_chars(name.data(), name.data() + name.size(), fd);
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) given.emplace_back(fd, fd);
  }
  return given;
}

std::vector<std::string> environment_with(std::vector<std::string> variables) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name(*entry, std::string_view(*entry).find('=') + 1);
    bool replaced = false;
    for (const auto& variable : variables) replaced = replaced || variable.rfind(name, 0) == 0;
    if (!replaced) environment.emplace_back(*entry);
  }
  for (auto& variable : variables) environment.push_back(std::move(variable));
  return environment;
}

/// The terminal sends Ctrl-C to all of its foreground, the child included.
bool comes_from_terminal(int signal) {
  if (signal != SIGINT && signal != SIGHUP) return false;
  const UniqueFd terminal(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC));
  return terminal.get() >= 0 && ::tcgetpgrp(terminal.get()) == ::getpgrp();
}

// Who types Ctrl-C again so soon thinks that the first one was lost.
constexpr Milliseconds kImpatience(3'000);

class Relay {
 public:
  Relay(Loop& loop, Context& context, const Process& process)
      : loop_(loop), context_(context), process_(process) {
    context_.relay_signal = [this](int signal) { relay(signal); };
  }
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;
  ~Relay() { context_.relay_signal = nullptr; }

 private:
  void relay(int signal) {
    if (!comes_from_terminal(signal)) {
      process_.signal(signal);
      return;
    }
    const TimePoint now = loop_.now();
    const bool again = last_ && now - *last_ < kImpatience;
    last_ = now;
    if (!again || std::exchange(told_, true)) return;
    const pid_t pid = process_.pidfd().pid();
    context_.say(fmt::format(
        "vmfleet: the program (pid {0}) has got each Ctrl-C, and runs on; to end it: kill {0}, or "
        "kill -KILL {0}",
        pid));
  }

  Loop& loop_;
  Context& context_;
  const Process& process_;
  std::optional<TimePoint> last_;  ///< that the terminal has sent
  bool told_ = false;
};

/// A signal to both, as of Ctrl-C, comes before the child's end and is the child's. The loop may
/// notice the end first: in the next turn it reads the signal, and then hands it on.
Task<void> hear_out_signals() {
  co_await yield_now();
  co_await yield_now();
}

}  // namespace

Task<int> run_in_foreground(Context& context, std::vector<std::string> argv,
                            std::vector<std::string> variables, GuestStreams* guest) {
  Loop& loop = co_await current_loop();
  ProcessOptions options(std::move(argv));
  options.environment = environment_with(std::move(variables));
  options.descriptors = given_descriptors();
  options.dies_with_owner = true;
  GuestStreams as_they_are(context, true);
  GuestStreams& streams = guest == nullptr ? as_they_are : *guest;
  streams.put_between(options);
  Process process = Process::spawn(loop, options);
  const Relay relay(loop, context, process);
  const ExitStatus status = co_await streams.wait(process);
  co_await hear_out_signals();
  co_return status.signal != 0 ? interrupted_code(status.signal) : status.code;
}

}  // namespace vmfleet::cli
