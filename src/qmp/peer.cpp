// SPDX-License-Identifier: MIT
// Reading /proc/<pid>/task/<pid>/stat.
#include "qmp/peer.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>

namespace vmfleet::qmp {

namespace {

struct MainThread {
  char state;
  std::uint64_t ticks;
};

std::optional<MainThread> look_at(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{0}/task/{0}/stat", pid));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto name_end = text.rfind(')');  // the name may hold anything, brackets and spaces too
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  MainThread seen{};
  fields >> seen.state;
  std::string skipped;
  for (int field = 4; field < 14; ++field) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  if (!fields) return std::nullopt;
  seen.ticks = user + system;
  return seen;
}

}  // namespace

PeerWatch::PeerWatch(std::optional<pid_t> pid) {
  if (!pid || *pid == ::getpid() || *pid <= 0) return;
  pid_ = pid;
  if (const auto seen = look_at(*pid)) ticks_ = seen->ticks;
}

PeerState PeerWatch::state(Milliseconds waited) const {
  if (!pid_) return PeerState::unknown;
  const auto seen = look_at(*pid_);
  if (!seen || seen->state == 'Z' || seen->state == 'X') return PeerState::gone;
  if (seen->state == 'T' || seen->state == 't') return PeerState::stopped;
  const auto worked =
      static_cast<std::int64_t>(seen->ticks - ticks_) * 1000 / ::sysconf(_SC_CLK_TCK);
  const bool worked_half = waited.count() > 0 && worked * 2 >= waited.count();
  if (seen->state == 'R' || seen->state == 'D' || worked_half) return PeerState::busy;
  return PeerState::idle;
}

std::string describe(const PeerWatch& watch, PeerState state) {
  const std::string who =
      watch.pid() ? fmt::format("the server (pid {})", *watch.pid()) : std::string("the server");
  switch (state) {
    case PeerState::gone:
      return who + " has ended";
    case PeerState::stopped:
      return who + " is stopped";
    case PeerState::busy:
      return who + " is busy";
    case PeerState::idle:
    case PeerState::unknown:
      break;
  }
  return who + " is silent";
}

}  // namespace vmfleet::qmp
