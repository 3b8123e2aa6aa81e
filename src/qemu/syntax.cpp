// SPDX-License-Identifier: MIT
// Small grammars.
#include "qemu/syntax.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

#include <vmfleet/base/text.hpp>
#include <vmfleet/base/utf8.hpp>

namespace vmfleet::qemu {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kSocket = "unix:";
constexpr std::string_view kHex = "0123456789abcdefABCDEF";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool is_letter(char c) noexcept {
  return kLetters.find(c) != std::string_view::npos;
}

bool consists_of(std::string_view text, std::string_view more) noexcept {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || kDigits.find(c) != std::string_view::npos ||
           more.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_digits(std::string_view text) noexcept {
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  if (!is_digits(text)) return std::nullopt;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc()) return std::nullopt;
  return port;
}

bool is_ipv4(std::string_view text) {
  in_addr address{};
  return text.find('\0') == std::string_view::npos &&
         ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return text.find('\0') == std::string_view::npos &&
         ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_ipv4_network(std::string_view text) {
  const auto slash = text.find('/');
  if (!is_ipv4(text.substr(0, slash))) return false;
  if (slash == std::string_view::npos) return true;
  const std::string_view mask = text.substr(slash + 1);
  if (is_ipv4(mask)) return true;
  const auto bits = read_port(mask);
  return bits && *bits >= 4 && *bits <= 32;  // the range that QEMU names when it refuses
}

bool is_ipv4_interface(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !is_ipv4(text.substr(0, slash))) return false;
  const auto bits = read_port(text.substr(slash + 1));
  return bits && *bits >= 1 && *bits <= 32;
}

bool is_mac(std::string_view text) noexcept {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool separator = i % 3 == 2;
    if (separator ? text[i] != ':' : kHex.find(text[i]) == std::string_view::npos) return false;
  }
  // The lowest bit of the first byte marks a group address.
  return kHex.find(text[1]) < 10
             ? (text[1] - '0') % 2 == 0
             : std::string_view("aceACE").find(text[1]) != std::string_view::npos;
}

bool is_forward_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 32 && consists_of(text, "-_");
}

bool is_qemu_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 64 && is_letter(text[0]) && consists_of(text, "-._");
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : kHex.find(text[i]) == std::string_view::npos) return false;
  }
  return true;
}

std::optional<unsigned> read_pci_address(std::string_view text) noexcept {
  const auto at_most = [](std::string_view part, unsigned most) -> std::optional<unsigned> {
    if (part.substr(0, 2) == "0x") part.remove_prefix(2);
    unsigned number = 0;
    const char* end = part.data() + part.size();
    const auto read = std::from_chars(part.data(), end, number, 16);
    const bool whole = !part.empty() && read.ec == std::errc() && read.ptr == end;
    return whole && number <= most ? std::optional(number) : std::nullopt;
  };
  const auto dot = text.find('.');
  const auto slot = at_most(text.substr(0, dot), 0x1f);
  const auto function =
      dot == std::string_view::npos ? std::optional(0U) : at_most(text.substr(dot + 1), 7);
  if (!slot || !function) return std::nullopt;
  return *slot << 3 | *function;
}

GdbAddress::GdbAddress(std::string_view text) : socket(text.rfind(kSocket, 0) == 0) {
  if (socket) {
    target = text.substr(kSocket.size());
  } else {
    const bool port_only = text.find(':') == std::string_view::npos;
    target = (port_only ? "127.0.0.1:" : "") + std::string(text);
  }
}

bool is_model(std::string_view text) noexcept {
  return !text.empty() && consists_of(text.substr(0, 1), "") && consists_of(text, "-._,=+");
}

bool is_clean_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0 || text[0] == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace vmfleet::qemu
