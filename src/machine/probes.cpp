// SPDX-License-Identifier: MIT
// The one place that may retry: a guest's network announces nothing to the host.
#include "machine/probes.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <vmfleet/async/time.hpp>
#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/tcp_socket.hpp>

namespace vmfleet {

namespace {

// QEMU's user network repeats its SYN to the guest with a growing back-off, so a short wait and a
// fresh connection sees a new listener a second sooner than one patient connection.
constexpr Milliseconds kFirstPatience(150);
constexpr Milliseconds kMostPatience(2'000);

Task<std::string> read_greeting(PortForward port) {
  TcpSocket socket = co_await TcpSocket::connect(port.host_addr, port.host_port);
  std::array<char, 256> buffer;
  const std::size_t count = co_await socket.read(buffer);
  co_return std::string(buffer.data(), count);
}

}  // namespace

Task<std::string> probe_port(PortForward port, std::string_view prefix, std::string* last_attempt) {
  if (port.host_addr == "0.0.0.0") port.host_addr = "127.0.0.1";
  Milliseconds patience = kFirstPatience;
  for (;;) {
    Loop& loop = co_await current_loop();
    const TimePoint began = loop.now();
    try {
      const std::string greeting = co_await with_timeout(patience, read_greeting(port));
      if (!greeting.empty() && greeting.compare(0, prefix.size(), prefix) == 0) {
        co_return sanitize(trim(split(greeting, '\n').front()));
      }
      *last_attempt = greeting.empty() ? "the guest closed the connection"
                                       : fmt::format("the guest sent '{}'", sanitize(greeting));
    } catch (const Error& error) {
      *last_attempt =
          error.kind() == ErrorKind::timed_out
              ? fmt::format("connected, but the guest sent nothing for {}", to_string(patience))
              : error.message();
    }
    co_await sleep_until(began + patience);
    patience = std::min(patience * 5 / 4, kMostPatience);
  }
}

}  // namespace vmfleet
