// SPDX-License-Identifier: MIT
// Forwards: the host ports of a fake QEMU, and the services behind them.
#pragma once

#include <poll.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <vmfleet/base/unique_fd.hpp>

#include "testkit/fake_qemu/options.hpp"

namespace vmfleet::testkit {

/// Connections are accepted at once, as slirp does, whether or not the guest listens.
class Forwards {
 public:
  /// *Errors*: `unavailable`, in QEMU's words, when the port is taken.
  void add(const ForwardOption& option);
  /// Takes the rule `tcp:ADDRESS:PORT` away; false when there is none.
  bool remove(std::string_view rule);
  /// The guest listens on this port from now on and sends these bytes to whoever connects.
  void listen(std::uint16_t guest_port, const std::string& banner);

  void add_polls(std::vector<pollfd>& polls) const;
  void serve();
  /// The answer to `info usernet`.
  [[nodiscard]] std::string describe() const;

 private:
  struct Rule {
    std::string netdev;
    bool udp = false;
    std::string address;
    std::uint16_t host_port = 0;
    std::uint16_t guest_port = 0;
    UniqueFd socket;
  };
  struct Connection {
    std::uint16_t guest_port;
    bool greeted;
    UniqueFd socket;
  };

  std::vector<Rule> rules_;
  std::vector<Connection> connections_;
  std::map<std::uint16_t, std::string> services_;
};

}  // namespace vmfleet::testkit
