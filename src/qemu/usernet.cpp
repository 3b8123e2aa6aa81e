// SPDX-License-Identifier: MIT
// parse_usernet: the table of `info usernet`, read column by column from the right of its state.
#include <vmfleet/qemu/port_forward.hpp>

#include <optional>

#include <vmfleet/base/text.hpp>

#include "qemu/syntax.hpp"

namespace vmfleet {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::string_view word : split(line, ' ')) {
    word = trim(word);
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

/// `Hub -1 (net0):` → net0; the word before the parenthesis changed between versions.
std::optional<std::string_view> netdev_of(std::string_view line) {
  const auto open = line.find('(');
  if (open == std::string_view::npos || line.size() < 2 || line.substr(line.size() - 2) != "):") {
    return std::nullopt;
  }
  return line.substr(open + 1, line.size() - open - 3);
}

std::optional<std::string> address_of(std::string_view word) {
  if (word == "*") return "0.0.0.0";
  if (!qemu::is_ipv4(word) && !qemu::is_ipv6(word)) return std::nullopt;
  return std::string(word);
}

/// `[FD] ADDRESS PORT ADDRESS PORT …`
std::optional<PortForward> read_columns(std::string_view columns) {
  std::vector<std::string_view> words = words_of(columns);
  if (!words.empty() && qemu::is_digits(words[0])) words.erase(words.begin());
  if (words.size() < 4) return std::nullopt;
  const auto host_addr = address_of(words[0]);
  const auto host_port = qemu::read_port(words[1]);
  const auto guest_addr = address_of(words[2]);
  const auto guest_port = qemu::read_port(words[3]);
  if (!host_addr || !host_port || !guest_addr || !guest_port) return std::nullopt;
  PortForward forward;
  forward.host_addr = *host_addr;
  forward.host_port = *host_port;
  forward.guest_addr = *guest_addr;
  forward.guest_port = *guest_port;
  return forward;
}

std::optional<PortForward> read_row(std::string_view line) {
  constexpr std::string_view kState = "[HOST_FORWARD]";
  const auto state = line.find(kState);
  if (state == std::string_view::npos) return std::nullopt;
  const std::string_view protocol = line.substr(0, state);
  if (protocol != "TCP" && protocol != "UDP") return std::nullopt;
  auto forward = read_columns(line.substr(state + kState.size()));
  if (forward) forward->protocol = protocol == "TCP" ? "tcp" : "udp";
  return forward;
}

}  // namespace

bool leads_to_ssh(const PortForward& port) noexcept {
  return port.protocol == "tcp" && (port.name == "ssh" || port.guest_port == 22);
}

const PortForward* find_ssh_port(const std::vector<PortForward>& ports) noexcept {
  const PortForward* found = nullptr;
  for (const PortForward& port : ports) {
    if (!leads_to_ssh(port)) continue;
    if (port.name == "ssh") return &port;
    if (found == nullptr) found = &port;
  }
  return found;
}

std::vector<PortForward> parse_usernet(std::string_view text) {
  std::vector<PortForward> forwards;
  std::string_view netdev;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (const auto head = netdev_of(line)) {
      netdev = *head;
    } else if (auto forward = read_row(line)) {
      forward->name = std::string(netdev);
      forwards.push_back(std::move(*forward));
    }
  }
  return forwards;
}

}  // namespace vmfleet
