// SPDX-License-Identifier: MIT
// Forward: its short text form.
#include <vmfleet/qemu/forward.hpp>

#include <arpa/inet.h>

#include <vector>

#include <fmt/format.h>

#include <vmfleet/base/text.hpp>

#include "qemu/syntax.hpp"

namespace vmfleet {
namespace {

constexpr std::string_view kForms =
    "[NAME:][[ADDRESS:]HOST:]GUEST[/udp], such as ssh:22 or web:8080:80";

Error refuse(std::string_view text, const std::string& why) {
  return Error(ErrorKind::invalid_config, fmt::format("forward \"{}\": {}", text, why))
      .hint(fmt::format("a forward is {}", kForms));
}

/// Takes `/tcp` or `/udp` off the end.
Result<Protocol> take_protocol(std::string_view text, std::string_view& rest) {
  const auto slash = rest.rfind('/');
  if (slash == std::string_view::npos) return Protocol::tcp;
  const std::string_view word = rest.substr(slash + 1);
  rest = rest.substr(0, slash);
  if (word == "tcp") return Protocol::tcp;
  if (word == "udp") return Protocol::udp;
  return refuse(text, fmt::format("\"{}\" is neither tcp nor udp", word));
}

std::string default_name(const Forward& forward) {
  return std::to_string(forward.guest_port) + (forward.protocol == Protocol::udp ? "-udp" : "");
}

/// The parts before the guest's port, from the right: a host port, an address, a name.
Result<Forward> read_host_side(std::string_view text, std::vector<std::string_view> parts,
                               Forward forward) {
  if (!parts.empty() && qemu::is_digits(parts.back())) {
    const auto port = qemu::read_port(parts.back());
    if (!port) return refuse(text, fmt::format("{} is no port", parts.back()));
    forward.host_port = *port;
    parts.pop_back();
  }
  if (!parts.empty() && qemu::is_ipv4(parts.back())) {
    forward.host_addr = std::string(parts.back());
    parts.pop_back();
  }
  if (parts.empty()) {
    forward.name = default_name(forward);
    return forward;
  }
  if (parts.size() > 1) {
    return refuse(text, fmt::format("\"{}\" is neither a port nor an IPv4 address", parts.back()));
  }
  forward.name = std::string(parts[0]);
  if (!qemu::is_forward_name(forward.name)) {
    return refuse(text,
                  fmt::format("\"{}\" cannot be a name (letters, digits, - and _)", parts[0]));
  }
  return forward;
}

}  // namespace

Result<Forward> parse_forward(std::string_view text) {
  Forward forward;
  std::string_view rest = text;
  const Result<Protocol> protocol = take_protocol(text, rest);
  if (!protocol) return protocol.error();
  forward.protocol = *protocol;

  std::vector<std::string_view> parts = split(rest, ':');
  const auto guest = qemu::read_port(parts.back());
  if (!guest || *guest == 0) {
    return refuse(text, fmt::format("the guest's port \"{}\" is not in 1..65535", parts.back()));
  }
  forward.guest_port = *guest;
  parts.pop_back();
  return read_host_side(text, std::move(parts), std::move(forward));
}

bool share_host_port(const Forward& one, const Forward& other) noexcept {
  constexpr std::string_view kAll = "0.0.0.0";
  const bool same_address =
      one.host_addr == other.host_addr || one.host_addr == kAll || other.host_addr == kAll;
  return same_address && one.protocol == other.protocol && one.host_port == other.host_port &&
         one.host_port != 0;
}

bool leads_to_ssh(const Forward& forward) noexcept {
  return forward.protocol == Protocol::tcp && (forward.name == "ssh" || forward.guest_port == 22);
}

std::string to_string(const Forward& forward) {
  std::string text;
  const bool free_port = forward.host_port == 0;
  const bool loopback = forward.host_addr == "127.0.0.1";
  if (forward.name != default_name(forward)) text += forward.name + ":";
  if (!loopback) text += forward.host_addr + ":";
  if (!free_port || !loopback) text += fmt::format("{}:", forward.host_port);
  text += std::to_string(forward.guest_port);
  return forward.protocol == Protocol::udp ? text + "/udp" : text;
}

}  // namespace vmfleet
