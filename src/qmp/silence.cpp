// SPDX-License-Identifier: MIT
// Silence: what a deadline that passed has seen.
#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qmp/session.hpp"

namespace vmfleet::qmp {

namespace {

constexpr std::size_t kQuotedBytes = 120;

Error with_hint(Error error, PeerState state, std::optional<pid_t> pid) {
  if (state == PeerState::stopped) {
    return std::move(error).hint(fmt::format("continue it: kill -CONT {}", *pid));
  }
  if (state == PeerState::busy) return std::move(error).hint("allow it more time");
  return error;
}

Error with_pending(Error error, std::string_view pending) {
  if (pending.empty()) return error;
  return std::move(error).evidence("an unfinished message: " +
                                   sanitize(pending.substr(0, kQuotedBytes)));
}

}  // namespace

PeerWatch Session::watch() const {
  if (options_.peer_pid) return PeerWatch(options_.peer_pid);
  return PeerWatch(peer_ ? std::optional<pid_t>(peer_->pid) : std::nullopt);
}

Error Session::no_greeting(const PeerWatch& watch) const {
  const PeerState state = watch.state(options_.greeting_timeout);
  const std::string what =
      fmt::format("no greeting within {}: connected, but {}", to_string(options_.greeting_timeout),
                  describe(watch, state));
  const bool silent = state == PeerState::idle || state == PeerState::unknown;
  if (!silent || !framer_.pending().empty()) {
    return with_pending(with_hint(Error(ErrorKind::timed_out, what), state, watch.pid()),
                        framer_.pending());
  }
  return Error(ErrorKind::timed_out, what + "; another client may be attached to this monitor")
      .hint("a QMP monitor serves one client at a time: end the other one, or use another monitor");
}

Error Session::no_reply(const PeerWatch& watch, Milliseconds timeout) const {
  const PeerState state = watch.state(timeout);
  const std::string what =
      fmt::format("no reply within {}: {}", to_string(timeout), describe(watch, state));
  return with_pending(with_hint(Error(ErrorKind::timed_out, what), state, watch.pid()),
                      framer_.pending());
}

Error not_connected(const PeerWatch& watch, Milliseconds timeout,
                    const std::filesystem::path& socket) {
  const PeerState state = watch.state(timeout);
  const std::string who =
      watch.pid() ? describe(watch, state) : std::string("the server is stopped or busy");
  Error error(ErrorKind::timed_out,
              fmt::format("not connected within {}: {}, and its queue of connections is full",
                          to_string(timeout), who));
  if (state != PeerState::unknown) return with_hint(std::move(error), state, watch.pid());
  return std::move(error).hint(fmt::format("see which process it is, and what that does: fuser {}",
                                           shell_quote(socket.string())));
}

}  // namespace vmfleet::qmp
