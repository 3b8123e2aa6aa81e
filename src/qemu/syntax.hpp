// SPDX-License-Identifier: MIT
// Small grammars shared by the readers and the validation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vmfleet::qemu {

bool is_digits(std::string_view text) noexcept;
/// 0 to 65535, digits only.
std::optional<std::uint16_t> read_port(std::string_view text) noexcept;
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);
/// `10.0.2.0/24` or `10.0.2.0/255.255.255.0`.
bool is_ipv4_network(std::string_view text);
/// `192.168.50.1/24`: the address of an interface and the length of its network's prefix.
bool is_ipv4_interface(std::string_view text);
/// Six bytes, not multicast.
bool is_mac(std::string_view text) noexcept;
/// Digits are a name too: an unnamed forward is called by its guest port.
bool is_forward_name(std::string_view text) noexcept;
/// QEMU's identifiers: a letter, then letters, digits, `-`, `.`, `_`.
bool is_qemu_id(std::string_view text) noexcept;
bool is_uuid(std::string_view text) noexcept;
/// `8`, `0x8`, `0x8.0x1`: a PCI slot and function, as QEMU's `addr` property takes them; one number
/// for each place, however it is spelt.
std::optional<unsigned> read_pci_address(std::string_view text) noexcept;
/// Where a gdb stub listens, from `PORT`, `ADDRESS:PORT` or `unix:/PATH`.
struct GdbAddress {
  explicit GdbAddress(std::string_view text);

  bool socket;
  std::string target;  ///< what gdb's `target remote` takes: ADDRESS:PORT or a path
};
/// `TYPE[,PROPERTY=VALUE…]`, the language of -machine and -cpu.
bool is_model(std::string_view text) noexcept;
/// What an argument and a JSON string can carry unchanged.
bool is_clean_text(std::string_view text) noexcept;

}  // namespace vmfleet::qemu
