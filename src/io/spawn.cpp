// SPDX-License-Identifier: MIT
// Spawning: clone with a shared address space until exec, as posix_spawn does, but with a pidfd.
#include "io/spawn.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/find_program.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet::detail {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

/// Everything that the child needs, prepared by the parent: between clone and exec the child only
/// makes system calls.
struct Plan {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> environment;
  const char* directory = nullptr;
  std::vector<std::pair<int, int>> moves;  // the child's number ← ours
  int lifeline = -1;                       // ours; becomes the child's descriptor `first_free`
  int first_free = 3;
  bool new_session = false;
  bool private_files = false;
  bool small_pages = false;
  bool in_directory = false;  // written by the child, as is `error`: memory is shared until exec
  int error = 0;
};

[[noreturn]] void give_up(Plan& plan) {
  plan.error = errno;
  ::_exit(127);
}

// SIGIO's owner and number live in the open file, so they survive exec: when the last write end
// closes, the kernel itself kills whoever the read end belongs to.
void tie_to_owner(Plan& plan, int fd) {
  if (::fcntl(fd, F_SETOWN, ::getpid()) != 0 || ::fcntl(fd, F_SETSIG, SIGKILL) != 0 ||
      ::fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) != 0) {
    give_up(plan);
  }
}

// Close at exec what is ours, in the gaps between the child's numbers too.
void close_ours_at_exec() {
  if (::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  rlimit limit{};  // an old kernel, or a container's filter
  ::getrlimit(RLIMIT_NOFILE, &limit);
  for (int fd = 3; fd < static_cast<int>(limit.rlim_cur); ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void arrange_descriptors(Plan& plan) {
  // First out of the way of every target number, then into place.
  for (auto& [target, source] : plan.moves) {
    source = ::fcntl(source, F_DUPFD_CLOEXEC, plan.first_free + 1);
    if (source < 0) give_up(plan);
  }
  if (plan.lifeline >= 0) {
    plan.lifeline = ::fcntl(plan.lifeline, F_DUPFD_CLOEXEC, plan.first_free + 1);
    if (plan.lifeline < 0) give_up(plan);
  }
  close_ours_at_exec();
  for (const auto& [target, source] : plan.moves) {
    if (::dup2(source, target) < 0) give_up(plan);
  }
  if (plan.lifeline >= 0) {
    if (::dup2(plan.lifeline, plan.first_free) < 0) give_up(plan);
    tie_to_owner(plan, plan.first_free);
  }
}

int child_main(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
  if (plan.new_session && ::setsid() < 0) give_up(plan);
  if (plan.private_files) ::umask(077);
  arrange_descriptors(plan);
  if (plan.directory != nullptr && ::chdir(plan.directory) != 0) give_up(plan);
  plan.in_directory = true;
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(plan.program.c_str(), plan.argv.data(), plan.environment.data());
  give_up(plan);
}

/// The child's stack while it shares our memory.
class ChildStack {
 public:
  ChildStack()
      : base_(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
    if (base_ == MAP_FAILED) throw errno_error("memory for a child's stack", errno);
  }
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  ~ChildStack() { ::munmap(base_, kSize); }
  [[nodiscard]] void* top() const noexcept { return static_cast<char*>(base_) + kSize; }

 private:
  static constexpr std::size_t kSize = 256 * 1024;
  void* base_;
};

UniqueFd complete_standard_streams(Plan& plan) {
  UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw errno_error("open /dev/null", errno);
  for (int fd = 0; fd < 3; ++fd) {
    const bool given = std::any_of(plan.moves.begin(), plan.moves.end(),
                                   [&](const auto& move) { return move.first == fd; });
    if (!given) plan.moves.emplace_back(fd, null.get());
  }
  for (const auto& [target, source] : plan.moves) {
    plan.first_free = std::max(plan.first_free, target + 1);
  }
  return null;
}

/// What is said of our memory holds for a child that shares it, and beyond its exec.
class SmallPages {
 public:
  explicit SmallPages(bool wanted) {
    if (!wanted) return;
    // Two at once would each find, and leave, what the other has set.
    lock_ = std::unique_lock(setting);
    set_ = ::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0;
  }
  SmallPages(const SmallPages&) = delete;
  SmallPages& operator=(const SmallPages&) = delete;
  ~SmallPages() {
    if (set_) ::prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  }

 private:
  static inline std::mutex setting;
  std::unique_lock<std::mutex> lock_;
  bool set_ = false;
};

// Signals stay blocked across the clone: a handler of ours must not run in the child.
SpawnedChild clone_child(Plan& plan) {
  const ChildStack stack;
  const SmallPages pages(plan.small_pages);
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const pid_t pid = ::clone(child_main, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                            &plan, &pidfd);
  const int clone_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw errno_error(ErrorKind::unavailable, "start a process", clone_error);
  return SpawnedChild{Pidfd(UniqueFd(pidfd), pid), UniqueFd()};
}

}  // namespace

SpawnedChild spawn_child(const ProcessOptions& options) {
  Plan plan;
  // The child may not allocate, so the search happens before the clone.
  plan.program =
      find_program(options.program.empty() ? options.argv.at(0) : options.program).value();
  plan.argv = pointers(options.argv);
  if (options.environment) {
    plan.environment = pointers(*options.environment);
  } else {
    for (char** entry = environ; *entry != nullptr; ++entry) plan.environment.push_back(*entry);
    plan.environment.push_back(nullptr);
  }
  if (!options.directory.empty()) plan.directory = options.directory.c_str();
  plan.moves = options.descriptors;
  plan.new_session = options.new_session;
  plan.private_files = options.private_files;
  plan.small_pages = options.small_pages;
  const UniqueFd null = complete_standard_streams(plan);
  UniqueFd read_end;
  UniqueFd lifeline;
  if (options.dies_with_owner) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw errno_error("make a pipe", errno);
    read_end = UniqueFd(ends[0]);
    lifeline = UniqueFd(ends[1]);
    plan.lifeline = read_end.get();
  }
  SpawnedChild child = clone_child(plan);
  if (plan.error != 0) {
    while (::waitpid(child.pidfd.pid(), nullptr, 0) < 0 && errno == EINTR) {
    }
    const auto where = plan.in_directory || plan.directory == nullptr
                           ? std::string()
                           : fmt::format(" in {}", sanitize(plan.directory));
    throw errno_error(fmt::format("start '{}'{}", sanitize(plan.program), where), plan.error);
  }
  child.lifeline = std::move(lifeline);
  return child;
}

}  // namespace vmfleet::detail
