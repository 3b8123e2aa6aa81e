// SPDX-License-Identifier: MIT
// In the guest `tiny`: brings the host's words to the guest agent, and back. An agent that has the
// port itself looks ten times a second whether a host has come, which an emulated machine pays for
// with 1 % of a processor; this sleeps.
//
// relay PORT SOCKET: a virtio-serial port, and the path of the Unix socket where the agent listens.
// See image/guest.hpp for how a change gets into images that exist.
#include "image/system_call.hpp"

namespace {

using namespace vmfleet::in_guest;

// *Source*: Linux's uapi: poll.h, socket.h, un.h, errno.h.
constexpr std::int16_t kReadable = 1, kWritable = 4, kHangUp = 16;
constexpr long kUnix = 1, kStream = 1;
constexpr long kTryAgain = -11;

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

/// It has been started beside this program, and takes its time.
long connect(const char* path) {
  UnixAddress agent{};
  agent.family = kUnix;
  for (unsigned i = 0; i + 1 < sizeof agent.path && path[i] != '\0'; ++i) agent.path[i] = path[i];
  const long socket = call(__NR_socket, kUnix, kStream);
  constexpr int kTries = 600;
  for (int i = 0; i < kTries; ++i) {
    if (call(__NR_connect, socket, address(&agent), sizeof agent) == 0) return socket;
    const Time pause{0, 50'000'000};
    call(__NR_nanosleep, address(&pause));
  }
  end();
}

class Relay {
 public:
  Relay(long port, long agent)
      : port_(port),
        agent_(agent),
        news_(call(__NR_signalfd4, -1, address(&kPortSignal), kSignalSetBytes)) {}

  [[noreturn]] void run() {
    for (;;) {
      const long count = call(__NR_read, port_, address(buffer_), sizeof buffer_);
      if (count > 0) {
        tell_agent(count);
        continue;
      }
      if (count < 0 && count != kTryAgain) end();
      // Without a host there is an end of the file, with one nothing to read yet.
      Watched watched[] = {{std::int32_t(count == 0 ? news_ : port_), kReadable, 0},
                           {std::int32_t(agent_), kReadable, 0}};
      call(__NR_poll, address(watched), 2, kForever);
      if (count == 0 && watched[0].seen != 0) take_news();
      if (watched[1].seen != 0) tell_host();
    }
  }

 private:
  void take_news() {
    Signal signal;
    call(__NR_read, news_, address(&signal), sizeof signal);
  }

  void tell_agent(long count) {
    for (long done = 0; done < count;) {
      const long written = call(__NR_write, agent_, address(buffer_ + done), count - done);
      if (written <= 0) end();
      done += written;
    }
  }

  /// Who asked and has gone hears nothing.
  void tell_host() {
    const long count = call(__NR_read, agent_, address(buffer_), sizeof buffer_);
    if (count <= 0) end();  // there is no agent any more, which a closed port tells
    for (long done = 0; done < count;) {
      const long written = call(__NR_write, port_, address(buffer_ + done), count - done);
      if (written > 0) {
        done += written;
      } else if (written != kTryAgain || !can_write()) {
        return;
      }
    }
  }

  /// False when there is no host. A request can be here before the news that one has come.
  bool can_write() {
    constexpr long kMilliseconds = 1'000;
    Watched port{std::int32_t(port_), kWritable, 0};
    call(__NR_poll, address(&port), 1, kForever);
    if ((port.seen & kHangUp) == 0) return true;
    Watched news{std::int32_t(news_), kReadable, 0};
    if (call(__NR_poll, address(&news), 1, kMilliseconds) <= 0) return false;
    take_news();
    return true;
  }

  long port_;
  long agent_;
  long news_;
  char buffer_[4096];
};

}  // namespace

extern "C" [[noreturn]] void serve(const long* stack) {
  if (stack[0] != 3) end();
  const long agent = connect(reinterpret_cast<const char*>(stack[3]));
  // Now, for who has the port open is taken for an agent.
  const long port = open_port(stack[2]);
  if (port < 0) end();
  Relay(port, agent).run();
}
