// SPDX-License-Identifier: MIT
// A port is tried as QEMU takes it; its owner is found through the socket's inode.
#include "machine/host_ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>
#include <vmfleet/base/unique_fd.hpp>
#include <vmfleet/io/files.hpp>

#include "machine/process_names.hpp"

namespace vmfleet {

namespace {

/// Which port could be had, or why none.
struct TriedPort {
  std::uint16_t port = 0;
  int error = 0;
};

/// *Source*: libslirp, tcpx_listen() and udpx_listen().
TriedPort try_port(const Forward& forward) {
  TriedPort tried;
  const bool tcp = forward.protocol == Protocol::tcp;
  const UniqueFd fd(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(forward.host_port);
  if (!fd || ::inet_pton(AF_INET, forward.host_addr.c_str(), &address.sin_addr) != 1) return tried;
  const int yes = 1;
  if (tcp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      (tcp && ::listen(fd.get(), 1) != 0) ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    tried.error = errno;
  }
  tried.port = ntohs(address.sin_port);
  return tried;
}

struct SocketRow {
  std::string address;  ///< as the kernel writes it
  std::string inode;
  uid_t user = 0;
};

/// The sockets of a table that have this port, and with TCP listen on it.
std::vector<SocketRow> read_table(const std::string& name, std::uint16_t port, bool tcp) {
  constexpr std::string_view kListen = "0A";
  std::vector<SocketRow> rows;
  std::string text;
  try {
    text = files::read("/proc/net/" + name);
  } catch (const Error&) {
    return rows;
  }
  const std::string port_end = fmt::format(":{:04X}", port);
  for (const std::string_view line : split(text, '\n')) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(line, ' ')) {
      if (!word.empty()) words.push_back(word);
    }
    // sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode
    if (words.size() < 10 || (tcp && words[3] != kListen)) continue;
    const auto colon = words[1].find(':');
    if (words[1].substr(std::min(colon, words[1].size())) != port_end) continue;
    SocketRow& row = rows.emplace_back();
    row.address = words[1].substr(0, colon);
    row.inode = words[9];
    std::from_chars(words[7].data(), words[7].data() + words[7].size(), row.user);
  }
  return rows;
}

/// Whether a socket on `held`, of a table's row, keeps others off `wanted`.
bool is_in_the_way(std::string_view held, const std::string& wanted) {
  in_addr address{};
  ::inet_pton(AF_INET, wanted.c_str(), &address);
  const std::string hex = fmt::format("{:08X}", address.s_addr);
  const bool any = held.find_first_not_of('0') == std::string_view::npos;
  // Of an IPv6 address the last four bytes are a mapped IPv4 address.
  return any || address.s_addr == 0 || held.substr(held.size() - hex.size()) == hex;
}

std::string user_name(uid_t user) {
  // This runs on several threads at once.
  std::array<char, 16 * 1024> words;
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwuid_r(user, &entry, words.data(), words.size(), &found);
  return error == 0 && found != nullptr ? sanitize(entry.pw_name) : fmt::format("{}", user);
}

std::string find_owner(const Forward& forward) {
  const std::string protocol(to_string(forward.protocol));
  for (const std::string& table : {protocol, protocol + "6"}) {
    for (const SocketRow& row :
         read_table(table, forward.host_port, forward.protocol == Protocol::tcp)) {
      if (!is_in_the_way(row.address, forward.host_addr)) continue;
      const std::string socket = fmt::format("socket:[{}]", row.inode);
      const auto holders = name_holders(
          [&](const OpenDescriptor& descriptor) { return target_of(descriptor) == socket; });
      if (!holders.empty()) return join(holders, ", ");
      if (row.user != ::geteuid()) {
        return fmt::format("a process of another user ({})", user_name(row.user));
      }
    }
  }
  return "a process that cannot be seen from here";
}

}  // namespace

std::optional<Error> find_port_problem(const Forward& forward) {
  if (forward.host_port == 0) return std::nullopt;
  const int error = try_port(forward).error;
  const std::string port =
      fmt::format("host port {}/{}", forward.host_port, to_string(forward.protocol));
  const std::string use = fmt::format(" of the forward \"{}\"", forward.name);
  switch (error) {
    case EADDRINUSE:
      return Error(ErrorKind::conflict,
                   fmt::format("{}{} is taken by {}", port, use, find_owner(forward)))
          .hint("leave the host's port out and QEMU picks a free one");
    case EACCES:
    case EPERM:
      return Error(ErrorKind::host_unfit,
                   fmt::format("this user may not listen on {}{}", port, use))
          .hint("ports below 1024 are privileged: use a higher one");
    case EADDRNOTAVAIL:
      return Error(ErrorKind::invalid_config,
                   fmt::format("{}{}: {} is no address of this host", port, use, forward.host_addr))
          .hint("leave the address out for 127.0.0.1, or use 0.0.0.0 for every interface");
    default:
      return std::nullopt;
  }
}

std::uint16_t find_free_port(const Forward& forward) {
  const TriedPort tried = try_port(forward);
  if (tried.error == 0 && tried.port != 0) return tried.port;
  throw errno_error(
      fmt::format("find a free port of {} for the forward \"{}\"", forward.host_addr, forward.name),
      tried.error);
}

}  // namespace vmfleet
