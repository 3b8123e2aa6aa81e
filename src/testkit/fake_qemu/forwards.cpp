// SPDX-License-Identifier: MIT
// Binding the ports for real, so that a port in use is an error here too.
#include "testkit/fake_qemu/forwards.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include <vmfleet/base/error.hpp>
#include <vmfleet/base/text.hpp>

namespace vmfleet::testkit {

// tcp:127.0.0.1:0-:22 or tcp:127.0.0.1:0-10.0.2.15:22; an empty host address means any.
void Forwards::add(const ForwardOption& option) {
  const auto fail = [&] {
    return Error(ErrorKind::unavailable,
                 "Could not set up host forwarding rule '" + option.rule + "'");
  };
  const auto parts = split(option.rule, ':');
  if (parts.size() != 4) throw fail();
  Rule rule;
  rule.netdev = option.netdev;
  rule.udp = parts[0] == "udp";
  rule.address = parts[1].empty() ? "0.0.0.0" : std::string(parts[1]);
  rule.guest_port = static_cast<std::uint16_t>(std::atoi(std::string(parts[3]).c_str()));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(std::string(parts[2]).c_str())));
  if (inet_pton(AF_INET, rule.address.c_str(), &address.sin_addr) != 1) throw fail();
  const int type = rule.udp ? SOCK_DGRAM : SOCK_STREAM;
  rule.socket = UniqueFd(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (bind(rule.socket.get(), generic, size) != 0) throw fail();
  if (!rule.udp && ::listen(rule.socket.get(), 16) != 0) throw fail();
  getsockname(rule.socket.get(), generic, &size);
  rule.host_port = ntohs(address.sin_port);
  rules_.push_back(std::move(rule));
}

bool Forwards::remove(std::string_view rule) {
  const auto is_it = [&](const Rule& known) {
    return rule ==
           fmt::format("{}:{}:{}", known.udp ? "udp" : "tcp", known.address, known.host_port);
  };
  const auto left = std::remove_if(rules_.begin(), rules_.end(), is_it);
  const bool found = left != rules_.end();
  rules_.erase(left, rules_.end());
  return found;
}

void Forwards::listen(std::uint16_t guest_port, const std::string& banner) {
  services_[guest_port] = banner;
}

void Forwards::add_polls(std::vector<pollfd>& polls) const {
  for (const Rule& rule : rules_) {
    if (!rule.udp) polls.push_back({rule.socket.get(), POLLIN, 0});
  }
  for (const Connection& connection : connections_) {
    polls.push_back({connection.socket.get(), POLLIN, 0});
  }
}

void Forwards::serve() {
  for (const Rule& rule : rules_) {
    if (rule.udp) continue;
    UniqueFd client(accept4(rule.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client) connections_.push_back({rule.guest_port, false, std::move(client)});
  }
  for (Connection& connection : connections_) {
    const auto service = services_.find(connection.guest_port);
    if (!connection.greeted && service != services_.end()) {
      send(connection.socket.get(), service->second.data(), service->second.size(), MSG_NOSIGNAL);
      connection.greeted = true;
    }
    char ignored[512];
    const ssize_t count = read(connection.socket.get(), ignored, sizeof ignored);
    if (count == 0) connection.socket.reset();
  }
  connections_.erase(std::remove_if(connections_.begin(), connections_.end(),
                                    [](const Connection& c) { return !c.socket; }),
                     connections_.end());
}

std::string Forwards::describe() const {
  std::string text;
  std::string netdev;
  for (const Rule& rule : rules_) {
    if (rule.netdev != netdev || text.empty()) {
      netdev = rule.netdev;
      text += fmt::format("Hub -1 ({}):\r\n", netdev);
      text += "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n";
    }
    text += fmt::format("  {}[HOST_FORWARD] {:3} {:>15} {:5} {:>15} {:5} {:5} {:5}\r\n",
                        rule.udp ? "UDP" : "TCP", rule.socket.get(),
                        rule.address == "0.0.0.0" ? "*" : rule.address, rule.host_port, "10.0.2.15",
                        rule.guest_port, 0, 0);
  }
  return text;
}

}  // namespace vmfleet::testkit
