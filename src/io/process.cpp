// SPDX-License-Identifier: MIT
// Process: the end of a child, and commands that are run for their output.
#include <vmfleet/io/process.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include <vmfleet/async/task_group.hpp>
#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/files.hpp>

#include "io/poller.hpp"
#include "io/spawn.hpp"

namespace vmfleet {

std::string ExitStatus::describe() const {
  if (signal != 0) return fmt::format("signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("exit code {}", code);
}

std::vector<std::string> arguments_of(pid_t pid) {
  const std::string text = files::read(fmt::format("/proc/{}/cmdline", pid));
  std::vector<std::string> words;
  for (const std::string_view word : split(text, '\0')) words.emplace_back(word);
  words.pop_back();  // behind each stands a NUL
  return words;
}

namespace {

// The end of the lifeline is a kill already, but not for a program that closes what it inherits
// (ssh does). Who may not be killed (a set-uid program) is not waited for.
void kill_and_await(int pidfd) noexcept {
  if (::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0) != 0) return;
  // Not by waitid(2), which does not block on a pidfd that a loop has made non-blocking.
  pollfd entry{pidfd, POLLIN, 0};
  while (::poll(&entry, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

Process Process::spawn(Loop&, const ProcessOptions& options) {
  auto child = detail::spawn_child(options);
  return Process(std::move(child.pidfd), std::move(child.lifeline));
}

Process::~Process() {
  if (pidfd_.fd() < 0) return;
  const bool mortal = static_cast<bool>(lifeline_);
  lifeline_.reset();
  if (status_) return;
  if (mortal) kill_and_await(pidfd_.fd());
  // No zombie is left behind. One that outlives its owner is reaped only if it has ended already.
  siginfo_t info{};
  ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.fd()), &info, WEXITED | WNOHANG);
}

std::optional<ExitStatus> Process::poll() {
  if (status_) return status_;
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.fd()), &info, WEXITED | WNOHANG) != 0) {
    if (errno != ECHILD || !pidfd_.ended()) return std::nullopt;
    throw Error(ErrorKind::unavailable,
                fmt::format("process {} has ended, but somebody else took its status", pid()))
        .hint("this program must not ignore SIGCHLD, nor wait for children that are not its own");
  }
  if (info.si_pid == 0) return std::nullopt;
  status_ =
      info.si_code == CLD_EXITED ? ExitStatus{info.si_status, 0} : ExitStatus{0, info.si_status};
  return status_;
}

Task<ExitStatus> Process::wait() {
  while (!poll()) co_await pidfd_.wait_end();
  co_return *status_;
}

namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("make a pipe", errno);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
    ::fcntl(read.get(), F_SETFL, O_NONBLOCK);
  }
};

/// Reads to the end of the stream; what is beyond the limit is dropped, so that the writer goes on.
Task<void> collect(int fd, std::string* into, std::size_t limit, bool* truncated) {
  Loop& loop = co_await current_loop();
  detail::Poller poller(loop, fd, "output of a command");
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    co_await yield_now();
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count == 0) co_return;
    if (count > 0) {
      const std::size_t room = limit - into->size();
      const auto fits = std::min(static_cast<std::size_t>(count), room);
      into->append(buffer.data(), fits);
      if (fits < static_cast<std::size_t>(count)) *truncated = true;
    } else if (errno == EAGAIN) {
      co_await poller.readable();
    } else if (errno != EINTR) {
      throw errno_error("read the output of a command", errno);
    }
  }
}

/// Ends what a command has started too, when it is left before its end. Its number is nobody else's
/// as long as it was not waited for.
class SessionEnd {
 public:
  SessionEnd(Process& process, bool own_session) : process_(process), own_session_(own_session) {}
  SessionEnd(const SessionEnd&) = delete;
  SessionEnd& operator=(const SessionEnd&) = delete;
  ~SessionEnd() {
    if (own_session_ && !ended_) ::kill(-process_.pid(), SIGKILL);
  }
  void ended() { ended_ = true; }

 private:
  Process& process_;
  bool own_session_;
  bool ended_ = false;
};

}  // namespace

Task<ProcessOutput> run_process(ProcessOptions options, Bytes limit) {
  ProcessOutput output;
  co_await run_process_into(output, std::move(options), limit);
  co_return output;
}

Task<void> run_process_into(ProcessOutput& output, ProcessOptions options, Bytes limit) {
  Loop& loop = co_await current_loop();
  Pipe out;
  Pipe err;
  options.descriptors.emplace_back(1, out.write.get());
  options.descriptors.emplace_back(2, err.write.get());
  options.dies_with_owner = true;
  Process process = Process::spawn(loop, options);
  SessionEnd session(process, options.new_session);
  out.write.reset();
  err.write.reset();
  auto body = [&](TaskGroup& group) -> Task<void> {
    group.start(&collect, out.read.get(), &output.out, limit.count(), &output.truncated);
    group.start(&collect, err.read.get(), &output.err, limit.count(), &output.truncated);
    co_return;
  };
  // Until the last of its children has closed the pipes it is not waited for: its number stays
  // ours.
  co_await with_task_group(body);
  output.status = co_await process.wait();
  session.ended();
}

}  // namespace vmfleet
