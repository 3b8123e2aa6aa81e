// SPDX-License-Identifier: MIT
// Requests to the program in the guest `tiny`, and its replies: see image/renewal.
#include "machine/identity_port.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include <image/renewal/message.hpp>
#include <vmfleet/base/random_bytes.hpp>
#include <vmfleet/base/text.hpp>
#include <vmfleet/io/unix_socket.hpp>

namespace vmfleet {

namespace {

template <class T>
std::string bytes_of(const T& message) {
  return std::string(reinterpret_cast<const char*>(&message), sizeof message);
}

void write_mac(const std::string& text, std::uint8_t (&into)[6]) {
  for (std::size_t i = 0; i < sizeof into; ++i) {
    std::from_chars(text.data() + 3 * i, text.data() + 3 * i + 2, into[i], 16);
  }
}

void write_network(const std::string& text, renewal::Interface& into) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  unsigned prefix = 0;
  if (slash == std::string::npos ||
      ::inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1) {
    return;
  }
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), prefix);
  const std::uint32_t mask = prefix == 0 ? 0 : htonl(~std::uint32_t{0} << (32 - prefix));
  const std::uint32_t broadcast = address.s_addr | ~mask;
  std::memcpy(into.address, &address.s_addr, sizeof into.address);
  std::memcpy(into.netmask, &mask, sizeof into.netmask);
  std::memcpy(into.broadcast, &broadcast, sizeof into.broadcast);
}

renewal::Interface to_message(const LanInterface& lan) {
  renewal::Interface interface {};
  write_mac(lan.old_mac, interface.old_mac);
  write_mac(lan.new_mac, interface.new_mac);
  write_network(lan.address, interface);
  return interface;
}

renewal::Request renewal_request(const std::string& name, const LanIdentity& lans) {
  renewal::Request request{};
  std::copy_n(renewal::kMagic, sizeof request.magic, request.magic);
  const std::string entropy = random_bytes(sizeof request.entropy);
  entropy.copy(request.entropy, sizeof request.entropy);
  name.copy(request.hostname, sizeof request.hostname);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);
  request.seconds = seconds.count();
  request.nanoseconds = std::chrono::nanoseconds(now - seconds).count();
  request.interfaces = static_cast<std::uint32_t>(lans.interfaces.size());
  request.hosts_bytes = static_cast<std::uint32_t>(lans.hosts.size());
  return request;
}

Task<renewal::Reply> read_reply(UnixSocket& socket) {
  renewal::Reply reply{};
  std::span<char> rest(reinterpret_cast<char*>(&reply), sizeof reply);
  while (!rest.empty()) {
    const std::size_t count = co_await socket.read(rest);
    if (count == 0) throw Error(ErrorKind::disconnected, "the identity's port was closed");
    rest = rest.subspan(count);
  }
  const bool known = std::equal(std::begin(reply.magic), std::end(reply.magic), renewal::kMagic);
  if (known) co_return reply;
  throw Error(ErrorKind::protocol, "the guest answered something else on the identity's port");
}

Task<void> ask_port(UnixSocket& socket, const std::string& name, const LanIdentity& lans) {
  const renewal::Request request = renewal_request(name, lans);
  std::string bytes = bytes_of(request);
  for (const LanInterface& lan : lans.interfaces) bytes += bytes_of(to_message(lan));
  bytes += lans.hosts;
  co_await socket.write(bytes);
  for (;;) {
    const renewal::Reply reply = co_await read_reply(socket);
    const bool is_answer =
        reply.seconds == request.seconds && reply.nanoseconds == request.nanoseconds;
    if (!is_answer) continue;
    if (reply.renewed != 1) {
      throw Error(ErrorKind::unavailable,
                  "the clone could not be given a time, random numbers and a name of its own");
    }
    if (reply.renumbered == static_cast<std::int64_t>(lans.interfaces.size())) co_return;
    throw Error(ErrorKind::unavailable,
                fmt::format("the clone has given {} of its {} interfaces on LANs their addresses",
                            reply.renumbered, lans.interfaces.size()));
  }
}

}  // namespace

/// A guest that was slow to answer has a clock that is late: it is told again.
Task<void> renew_by_port(Machine::Live& live, LanIdentity lans) {
  constexpr Milliseconds kSoon(300);
  constexpr int kTries = 5;
  if (lans.interfaces.size() > renewal::kMostInterfaces) {
    throw Error(ErrorKind::unavailable, "the clone has too many interfaces on LANs");
  }
  UnixSocket socket = co_await UnixSocket::connect(live.directory.file(instance_file::kIdentity));
  for (int i = 0; i < kTries; ++i) {
    const TimePoint asked = live.loop.now();
    co_await ask_port(socket, live.intent.name, lans);
    if (live.loop.now() - asked < kSoon) co_return;
    lans = LanIdentity();  // that has been done
  }
}

}  // namespace vmfleet
