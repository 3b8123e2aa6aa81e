// SPDX-License-Identifier: MIT
// In the guest `tiny`: starts the guest agent, and brings the host's words to it and back. An agent
// that has the port itself looks ten times a second whether a host has come, which an emulated
// machine pays for with 1 % of a processor; this sleeps.
//
// relay PORT SOCKET AGENT...: a virtio-serial port, the path of a Unix socket, and the agent's
// command line, by which it listens there. Ends with the agent.
// See image/guest.hpp for how a change gets into images that exist.
#include "image/system_call.hpp"

namespace {

using namespace vmfleet::in_guest;

// *Source*: Linux's uapi: poll.h, socket.h, un.h, wait.h, errno.h.
constexpr std::int16_t kReadable = 1, kWritable = 4, kHangUp = 16;
constexpr long kUnix = 1, kStream = 1, kDoNotWait = 0x40, kNoSignal = 0x4000;
constexpr long kWaitNoHang = 1;
constexpr long kTryAgain = -11, kNoMemory = -12;

struct Watched {  // pollfd
  std::int32_t descriptor;
  std::int16_t wanted;
  std::int16_t seen;
};

struct UnixAddress {  // sockaddr_un
  std::uint16_t family;
  char path[108];
};

struct Time {  // timespec
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

struct Signal {  // signalfd_siginfo
  char data[128];
};

constexpr long kForever = -1;

[[noreturn]] void end() {
  for (;;) call(__NR_exit, 1);
}

void pause() {
  const Time pause{0, 50'000'000};
  call(__NR_nanosleep, address(&pause));
}

/// `arguments` and `environment` end with a null pointer.
long start(const long* arguments, const long* environment) {
  const long process = call(__NR_fork);
  if (process != 0) return process;
  call(__NR_execve, arguments[0], address(arguments), address(environment));
  end();
}

/// As soon as the agent listens, however long it takes to come that far.
long connect(const char* path, long agent) {
  UnixAddress listener{};
  listener.family = kUnix;
  for (unsigned i = 0; i + 1 < sizeof listener.path && path[i] != '\0'; ++i) {
    listener.path[i] = path[i];
  }
  const long socket = call(__NR_socket, kUnix, kStream);
  while (call(__NR_connect, socket, address(&listener), sizeof listener) != 0) {
    if (call(__NR_wait4, agent, 0, kWaitNoHang) != 0) end();
    pause();
  }
  return socket;
}

/// What has come from one side and is not yet with the other.
class Words {
 public:
  [[nodiscard]] bool none() const { return begin_ == end_; }
  [[nodiscard]] long left() const { return end_ - begin_; }
  [[nodiscard]] long data() { return address(data_ + begin_); }
  [[nodiscard]] static long room() { return sizeof data_; }
  void came(long count) {
    begin_ = 0;
    end_ = count;
  }
  void went(long count) { begin_ += count; }
  void drop() { begin_ = end_ = 0; }

 private:
  long begin_ = 0;
  long end_ = 0;
  char data_[4096];
};

class Relay {
 public:
  Relay(long port, long agent)
      : port_(port),
        agent_(agent),
        news_(call(__NR_signalfd4, -1, address(&kPortSignal), kSignalSetBytes)) {}

  [[noreturn]] void run() {
    for (;;) {
      // One way never waits for the other: a request may come before the last answer has gone.
      const bool asked = pass_request();
      const bool answered = pass_answer();
      if (!asked && !answered) wait();
    }
  }

 private:
  /// False when nothing could be done; and so below.
  bool pass_request() {
    if (request_.none()) {
      request_.drop();
      const long count = call(__NR_read, port_, request_.data(), Words::room());
      if (count < 0 && count != kTryAgain) end();
      if (count <= 0) return false;
      request_.came(count);
      host_is_expected_ = true;
    }
    const long count =
        call(__NR_sendto, agent_, request_.data(), request_.left(), kDoNotWait | kNoSignal, 0, 0);
    if (count < 0 && count != kTryAgain) end();
    if (count <= 0) return false;
    request_.went(count);
    return true;
  }

  bool pass_answer() {
    if (answer_.none()) {
      answer_.drop();
      const long count =
          call(__NR_recvfrom, agent_, answer_.data(), Words::room(), kDoNotWait, 0, 0);
      if (count == 0 || (count < 0 && count != kTryAgain)) end();  // a closed port tells that
      if (count < 0) return false;
      answer_.came(count);
    }
    const long count = call(__NR_write, port_, answer_.data(), answer_.left());
    if (count == 0 || count == kNoMemory) {
      pause();
      return true;
    }
    if (count < 0 && count != kTryAgain) end();
    if (count < 0) return false;
    answer_.went(count);
    return true;
  }

  void wait() {
    Watched port{std::int32_t(port_), wanted(request_.none(), !answer_.none()), 0};
    call(__NR_poll, address(&port), 1, 0);
    const bool host_is_there = (port.seen & kHangUp) == 0;
    if (!host_is_there && !answer_.none()) {
      wait_for_host();
      return;
    }
    // A port without a host is never waited for, but the news that one has come.
    Watched watched[] = {
        {std::int32_t(agent_), wanted(answer_.none(), !request_.none()), 0},
        {std::int32_t(host_is_there ? port_ : news_), host_is_there ? port.wanted : kReadable, 0}};
    if (watched[0].wanted == 0) watched[0].descriptor = -1;
    call(__NR_poll, address(watched), 2, kForever);
    if (!host_is_there && watched[1].seen != 0) take_news();
  }

  /// A request can be here before the news that a host is. Who asked and has gone hears nothing.
  void wait_for_host() {
    constexpr long kMilliseconds = 1'000;
    Watched news{std::int32_t(news_), kReadable, 0};
    if (host_is_expected_ && call(__NR_poll, address(&news), 1, kMilliseconds) > 0) {
      take_news();
      return;
    }
    host_is_expected_ = false;
    answer_.drop();
  }

  void take_news() {
    Signal signal;
    call(__NR_read, news_, address(&signal), sizeof signal);
  }

  static std::int16_t wanted(bool read, bool write) {
    return static_cast<std::int16_t>((read ? kReadable : 0) | (write ? kWritable : 0));
  }

  long port_;
  long agent_;
  long news_;
  bool host_is_expected_ = false;
  Words request_;
  Words answer_;
};

}  // namespace

extern "C" [[noreturn]] void serve(const long* stack) {
  const long count = stack[0];
  const long* arguments = stack + 1;
  if (count < 4) end();
  const long agent = start(arguments + 3, arguments + count + 1);
  const long socket = connect(reinterpret_cast<const char*>(arguments[2]), agent);
  // Now, for who has the port open is taken for an agent.
  const long port = open_port(arguments[1]);
  if (port < 0) end();
  Relay(port, socket).run();
}
