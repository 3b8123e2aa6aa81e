// SPDX-License-Identifier: MIT
// The KVM test guest, as bytes: no assembler is needed to build the library.
#include "machine/kvm_guest.hpp"

#include <array>
#include <cstdint>

namespace vmfleet {

namespace {

constexpr std::uint32_t kLoadAddress = 0x100000;

constexpr std::array<unsigned char, 29> kCode = {
    0xb9, 0xd0, 0x07, 0x00, 0x00,  //     mov $2000, %ecx
    0xba, 0xf8, 0x03, 0x00, 0x00,  //     mov $0x3f8, %edx
    0xb0, 0x2e,                    //     mov $'.', %al
    0xee,                          // 1:  out %al, (%dx)
    0x49,                          //     dec %ecx
    0x75, 0xfc,                    //     jnz 1b
    0xba, 0xf4, 0x00, 0x00, 0x00,  //     mov $0xf4, %edx
    0xb8, 0x10, 0x00, 0x00, 0x00,  //     mov $0x10, %eax
    0xef,                          //     out %eax, (%dx)
    0xeb, 0xfe,                    // 2:  jmp 2b
};

void put(std::string& bytes, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
}

void put_header(std::string& elf, std::uint32_t type, std::uint32_t offset, std::uint32_t address,
                std::uint32_t size) {
  for (const std::uint32_t field : {type, offset, address, address, size, size, 5U, 4U}) {
    put(elf, field, 4);
  }
}

}  // namespace

// *Source*: System V ABI, ELF-32 file header and program headers; the Xen PVH entry note (type 18).
std::string kvm_guest() {
  constexpr std::uint32_t kHeaders = 52 + 2 * 32;
  constexpr std::uint32_t kNoteSize = 20;
  std::string elf(
      "\x7f"
      "ELF\x01\x01\x01",
      7);
  elf.resize(16);
  put(elf, 2, 2);  // an executable
  put(elf, 3, 2);  // for the 386
  put(elf, 1, 4);
  put(elf, kLoadAddress, 4);  // entry
  put(elf, 52, 4);            // program headers
  put(elf, 0, 4);             // no sections
  put(elf, 0, 4);
  for (const std::uint32_t field : {52U, 32U, 2U, 40U, 0U, 0U}) put(elf, field, 2);
  put_header(elf, 4, kHeaders, 0, kNoteSize);                            // PT_NOTE
  put_header(elf, 1, kHeaders + kNoteSize, kLoadAddress, kCode.size());  // PT_LOAD
  put(elf, 4, 4);
  put(elf, 4, 4);
  put(elf, 18, 4);  // XEN_ELFNOTE_PHYS32_ENTRY
  elf += std::string("Xen\0", 4);
  put(elf, kLoadAddress, 4);
  elf.append(reinterpret_cast<const char*>(kCode.data()), kCode.size());
  return elf;
}

}  // namespace vmfleet
