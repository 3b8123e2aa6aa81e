// SPDX-License-Identifier: MIT
// Session: whoever waits reads for all; every message goes to whom it belongs.
#include "qmp/session.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <vmfleet/async/offload.hpp>
#include <vmfleet/base/check.hpp>

namespace vmfleet::qmp {

namespace {

constexpr std::size_t kChunk = std::size_t{16} << 10;
constexpr std::size_t kLarge = std::size_t{256} << 10;  // decoding more would hold up the loop
constexpr char kSentinel = '\xFF';

/// What QEMU would refuse to read, our framer, which has the same limits, refuses too. QEMU's own
/// answer would not say which command it means.
void check_readable(const std::string& line, const std::string& command) {
  Framer framer;
  framer.feed(line);
  const auto framed = framer.front();
  if (framed && framed->ok()) return;
  throw Error(ErrorKind::invalid_config, "the arguments are too large or nested too deeply")
      .context(command);
}

/// One task reads at a time.
class Reading {
 public:
  explicit Reading(bool& flag) noexcept : flag_(flag) { flag_ = true; }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() { flag_ = false; }

 private:
  bool& flag_;
};

}  // namespace

/// A place among the waiters. Leaving it, served or cancelled, hands the reading on.
class Session::Turn {
 public:
  Turn(Session& session, Waiter& waiter)
      : session_(session), place_(session.waiters_.insert(session.waiters_.end(), &waiter)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    session_.waiters_.erase(place_);
    if (!session_.reading_ && !session_.waiters_.empty()) session_.waiters_.front()->wake.set();
  }

 private:
  Session& session_;
  std::list<Waiter*>::iterator place_;
};

/// A command's registration under its id.
class Session::InFlight {
 public:
  InFlight(Session& session, Pending& pending)
      : session_(session), pending_(pending), id_(session.next_id_++) {
    session_.pending_.emplace(id_, &pending);
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() {
    if (session_.pending_.erase(id_) != 0 && pending_.sent) ++session_.abandoned_;
  }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

 private:
  Session& session_;
  Pending& pending_;
  std::uint64_t id_;
};

Session::Session(UnixSocket socket, ClientOptions options)
    : socket_(std::move(socket)), peer_(socket_.peer()), options_(options) {}

Task<void> Session::negotiate() {
  Loop& loop = co_await current_loop();
  const PeerWatch peer = watch();
  Waiter greeted;
  greeted_ = &greeted;
  try {
    co_await with_deadline(loop.now() + options_.greeting_timeout, wait(greeted));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  greeted_ = nullptr;
  if (ended_) throw *ended_;
  if (!greeted.served) throw no_greeting(peer);

  const auto& offered = greeting_.capabilities;
  json::Object arguments;
  if (options_.out_of_band && std::count(offered.begin(), offered.end(), "oob") != 0) {
    arguments.set("enable", json::Array{"oob"});
  }
  CommandOptions options;
  options.timeout = options_.greeting_timeout;
  const Reply reply = co_await execute("qmp_capabilities", Value(std::move(arguments)), options);
  if (!reply.ok()) throw to_error(*reply.error, "qmp_capabilities");
}

void Session::skip_to_sentinel(std::uint64_t first_id) {
  framer_ = Framer();
  skipping_ = true;
  sentinels_ = true;
  synchronising_ = true;
  next_id_ = first_id;
}

Task<Reply> Session::execute(std::string command, Value arguments, CommandOptions options,
                             std::string prefix) {
  if (ended_) throw Error(*ended_).context(command);
  Loop& loop = co_await current_loop();
  Pending pending(command);
  InFlight in_flight(*this, pending);
  json::Object request;
  request.append(options.out_of_band ? "exec-oob" : "execute", std::move(command));
  if (!arguments.is_null()) request.append("arguments", std::move(arguments));
  request.append("id", Value(in_flight.id()));
  std::string line = json::write(Value(std::move(request)));
  check_readable(line, pending.command);
  line = prefix + line + "\n";

  const Milliseconds timeout = options.timeout.value_or(options_.command_timeout);
  const TimePoint deadline = loop.now() + timeout;
  const PeerWatch peer = watch();
  try {
    co_await with_deadline(deadline, send_and_wait(pending, std::move(line), deadline));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timed_out) throw;
  }
  if (!pending.outcome) throw no_reply(peer, timeout).context(pending.command);
  if (!pending.outcome->ok()) throw Error(pending.outcome->error()).context(pending.command);
  co_return std::move(*pending.outcome).value();
}

Task<void> Session::send_and_wait(Pending& pending, std::string line, TimePoint deadline) {
  {
    const auto permit = co_await writing_.acquire();
    if (!ended_) {
      pending.sent = true;
      const bool taken = co_await write(line, deadline);
      if (!taken) pending.outcome.reset();  // reported as a timeout, with what the peer was doing
      if (!taken) co_return;
    }
  }
  co_await wait(pending);
}

/// A command that was written in part would spoil all that follow: cancellation does not stop it.
Task<bool> Session::write(const std::string& line, TimePoint deadline) {
  Loop& loop = co_await current_loop();
  const auto left = std::chrono::ceil<Milliseconds>(deadline - loop.now());
  std::optional<Error> failure;
  try {
    co_await shielded(std::max(left, Milliseconds(1)), socket_.write(line));
  } catch (const Error& error) {
    failure = error;
  }
  // A closed peer may have said something before; reading finds that, and then the end.
  if (!failure || failure->kind() == ErrorKind::disconnected) co_return true;
  const bool stuck = failure->kind() == ErrorKind::timed_out;
  if (stuck) failure = Error(ErrorKind::disconnected, "the server stopped reading commands");
  end(*failure);
  co_return !stuck;
}

/// Waits until the waiter is served or the connection has ended.
Task<void> Session::wait(Waiter& waiter) {
  const Turn turn(*this, waiter);
  while (!waiter.served && !ended_) {
    if (reading_) {
      co_await waiter.wake.wait();
      waiter.wake.clear();
    } else {
      co_await read_and_dispatch();
    }
  }
}

Task<void> Session::read_and_dispatch() {
  const Reading reading(reading_);
  std::optional<Error> failure;
  try {
    if (!framer_.front()) co_await read_more();
    while (const auto front = framer_.front()) {
      // Popped only when decoded: a reader that is cancelled meanwhile leaves it to the next.
      Result<Message> message = front->ok() ? Result<Message>(Message()) : front->error();
      if (message && (*front)->size() < kLarge) {
        message = decode(**front);
      } else if (message) {
        const auto decode_front = [&] { return decode(**front); };
        message = co_await offload(decode_front);
      }
      framer_.pop();
      if (message) {
        dispatch(std::move(message).value());
      } else {
        distrust(message.error());
      }
    }
  } catch (const Error& error) {
    failure = error;
  }
  if (failure) end(*failure);
}

Task<void> Session::read_more() {
  chunk_.resize(kChunk);
  const std::size_t count = co_await socket_.read(chunk_);
  if (count == 0) throw Error(ErrorKind::disconnected, "the server closed the connection");
  std::string_view bytes(chunk_.data(), count);
  const auto sentinel = sentinels_ ? bytes.rfind(kSentinel) : std::string_view::npos;
  if (sentinel != std::string_view::npos) {
    framer_ = Framer();
    bytes.remove_prefix(sentinel + 1);
    skipping_ = false;
  }
  if (skipping_) co_return;
  framer_.feed(bytes);
}

Task<Event> Session::next_event(Subscription& subscription) {
  VMFLEET_CHECK(subscription.waiter == nullptr, "one task at a time reads an event stream");
  auto& queue = subscription.queue;
  if (queue.empty()) {
    Waiter waiter;
    const auto forget = [&](Waiter*) { subscription.waiter = nullptr; };
    const std::unique_ptr<Waiter, decltype(forget)> registered(&waiter, forget);
    subscription.waiter = &waiter;
    co_await wait(waiter);
  }
  if (queue.empty()) throw Error(*ended_).context("events");
  Event event = std::move(queue.front());
  queue.pop_front();
  co_return event;
}

Task<void> Session::run() {
  Waiter nothing;
  co_await wait(nothing);
  throw Error(*ended_);
}

}  // namespace vmfleet::qmp
