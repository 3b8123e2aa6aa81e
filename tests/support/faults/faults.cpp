// SPDX-License-Identifier: MIT
// The plan, read from the environment, and its one counter.
#include "tests/support/faults/faults.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace vmfleet::faults {

namespace {

// Arrays: some calls come before this program's own statics are made.
struct Named {
  std::string_view name;
  int value;
};
constexpr Named kClasses[] = {
    {"write", kWrite},     {"send", kSend},     {"sync", kSync},
    {"rename", kRename},   {"create", kCreate}, {"open", kOpen},
    {"remove", kRemove},   {"fork", kFork},     {"attribute", kAttribute},
    {"connect", kConnect}, {"lock", kLock},     {"descriptor", kDescriptor},
    {"watch", kWatch},     {"signal", kSignal}, {"change", kChange}};
constexpr Named kErrors[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC},
                             {"EINTR", EINTR},   {"EMFILE", EMFILE},
                             {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM},
                             {"EPIPE", EPIPE},   {"ENOLCK", ENOLCK},
                             {"EPERM", EPERM},   {"ECONNREFUSED", ECONNREFUSED}};

/// 0 when there is none of that name.
template <std::size_t size>
int value_of(const Named (&table)[size], std::string_view name) noexcept {
  for (const Named& entry : table) {
    if (entry.name == name) return entry.value;
  }
  return 0;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class Plan {
 public:
  Plan() : folder_(variable("FAULT_FOLDER")), report_(variable("FAULT_REPORT")) {
    const std::string text = variable("FAULT");
    const auto first = text.find(':');
    const auto second = text.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) return;
    action_ = text.substr(second + 1);
    error_ = value_of(kErrors, action_);
    stays_ = text[second - 1] == '+';
    number_ = std::strtol(text.c_str() + first + 1, nullptr, 10);
    classes_ = static_cast<unsigned>(value_of(kClasses, std::string_view(text).substr(0, first)));
    owner_ = ::syscall(SYS_getpid);
  }

  [[nodiscard]] bool listens() const noexcept {
    return classes_ != 0 && ::syscall(SYS_getpid) == owner_;
  }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }

  Verdict judge(unsigned classes, const char* function, std::string_view object) noexcept {
    Verdict verdict;
    const bool tears = action_ == "tear";
    // Only of a write there are halves.
    if ((tears || action_ == "short") && (classes & (kWrite | kSend)) == 0) return verdict;
    if ((classes & classes_) == 0) return verdict;
    const long count = ++count_;
    if (stays_ ? count < number_ : count != number_) return verdict;
    tell(function, object);
    if (action_ == "kill") die();
    if (action_ == "count") return verdict;
    verdict.action = tears ? Action::tear : error_ != 0 ? Action::fail : Action::cut;
    verdict.error = error_;
    return verdict;
  }

 private:
  /// Not through the calls that are watched.
  void tell(const char* function, std::string_view object) const noexcept {
    const std::string line = std::string(function) + " " + std::string(object) + "\n";
    const long fd = ::syscall(SYS_openat, AT_FDCWD, report_.c_str(),
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    ::syscall(SYS_write, fd, line.data(), line.size());
    ::syscall(SYS_close, fd);
  }

  std::string folder_;
  std::string report_;
  std::string action_;
  unsigned classes_ = 0;
  int error_ = 0;
  long number_ = 0;
  bool stays_ = false;
  long owner_ = 0;
  std::atomic<long> count_{0};
};

// Threads and destructors of others may still call when this program's statics are gone.
Plan& plan() {
  static Plan& only = *new Plan;
  return only;
}

}  // namespace

void die() noexcept {
  ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
  for (;;) ::syscall(SYS_pause);
}

bool listening() noexcept {
  return plan().listens();
}

Verdict judge(unsigned classes, const char* function, std::string_view object) noexcept {
  return plan().judge(classes, function, object);
}

bool in_world(std::string_view path) noexcept {
  const std::string& folder = plan().folder();
  return !folder.empty() && path.compare(0, folder.size(), folder) == 0;
}

std::string path_of(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  char target[4096];
  const long size = ::syscall(SYS_readlink, link.c_str(), target, sizeof target);
  return size < 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

std::string path_of(int folder, const char* name) {
  if (name[0] == '/') return name;
  if (folder != AT_FDCWD) return path_of(folder) + "/" + name;
  char here[4096];
  return ::syscall(SYS_getcwd, here, sizeof here) < 0 ? name : std::string(here) + "/" + name;
}

}  // namespace vmfleet::faults
