// SPDX-License-Identifier: MIT
// Children by /proc, waited for by pidfd.
#include "tests/support/process_leak_guard.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>

#include "tests/support/catch.hpp"

namespace vmfleet::test {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Stat {
  char state = 'X';
  std::string start_time;
};

// Source: proc(5). The name in parentheses may contain anything, so fields are counted from its
// end.
Stat stat_of(int pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto after_name = text.rfind(')');
  Stat stat;
  if (after_name == std::string::npos) return stat;
  std::istringstream fields(text.substr(after_name + 1));
  fields >> stat.state;
  for (int field = 4; field <= 22; ++field) fields >> stat.start_time;
  return stat;
}

std::map<int, std::string> living_children() {
  std::map<int, std::string> children;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", gone)) {
    std::istringstream pids(read_file(thread.path() / "children"));
    for (int pid = 0; pids >> pid;) {
      const Stat stat = stat_of(pid);
      if (stat.state == 'Z') {
        // Ended, and adopted from a parent that ended before it: nobody else reaps it.
        siginfo_t info{};
        waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
      } else if (stat.state != 'X') {
        children[pid] = stat.start_time;
      }
    }
  }
  return children;
}

std::string command_line(int pid) {
  std::string text = read_file("/proc/" + std::to_string(pid) + "/cmdline");
  for (char& c : text) {
    if (c == '\0') c = ' ';
  }
  return std::to_string(pid) + ": " + text;
}

UniqueFd open_pidfd(int pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

// Whether it ends before the deadline.
bool end_of(int pid, std::chrono::steady_clock::time_point deadline) {
  const UniqueFd process = open_pidfd(pid);
  if (!process) return true;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  pollfd end{process.get(), POLLIN, 0};
  return poll(&end, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) > 0;
}

}  // namespace

ProcessLeakGuard::ProcessLeakGuard() : before_(living_children()) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

std::map<int, std::string> ProcessLeakGuard::new_children() const {
  std::map<int, std::string> children = living_children();
  for (const auto& [pid, start_time] : before_) {
    const auto known = children.find(pid);
    if (known != children.end() && known->second == start_time) children.erase(known);
  }
  return children;
}

std::string ProcessLeakGuard::leaked(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  auto children = new_children();
  // One that ends may leave its own children to us, so each end is followed by another look.
  while (!children.empty() && end_of(children.begin()->first, deadline)) children = new_children();
  std::string left;
  for (const auto& [pid, start_time] : children) {
    left += command_line(pid) + "\n";
    const UniqueFd process = open_pidfd(pid);
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    end_of(pid, deadline + std::chrono::seconds(5));
  }
  living_children();  // reaps
  return left;
}

ProcessLeakGuard::~ProcessLeakGuard() {
  const std::string left = leaked();
  if (!left.empty() && std::uncaught_exceptions() == 0) {
    FAIL_CHECK("processes were left running:\n" << left);
  }
}

}  // namespace vmfleet::test
