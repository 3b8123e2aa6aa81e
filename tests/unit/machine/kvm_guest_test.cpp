// SPDX-License-Identifier: MIT
// The KVM test guest is the ELF file that QEMU expects; that it runs is a system test.
#include <elf.h>

#include <cstring>

#include "machine/kvm_guest.hpp"
#include "tests/support/catch.hpp"

TEST_CASE("the KVM test guest is an ELF file with a PVH note and one loaded segment") {
  const std::string file = vmfleet::kvm_guest();
  Elf32_Ehdr header;
  REQUIRE(file.size() > sizeof header);
  std::memcpy(&header, file.data(), sizeof header);
  REQUIRE(std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0);
  REQUIRE(header.e_machine == EM_386);
  REQUIRE(header.e_phnum == 2);
  Elf32_Phdr segments[2];
  std::memcpy(segments, file.data() + header.e_phoff, sizeof segments);
  REQUIRE(segments[0].p_type == PT_NOTE);
  REQUIRE(segments[1].p_type == PT_LOAD);
  REQUIRE(segments[1].p_paddr == header.e_entry);
  REQUIRE(segments[1].p_offset + segments[1].p_filesz == file.size());
  Elf32_Nhdr note;
  std::memcpy(&note, file.data() + segments[0].p_offset, sizeof note);
  REQUIRE(note.n_type == 18);
  REQUIRE(file.compare(segments[0].p_offset + sizeof note, 4, std::string("Xen\0", 4)) == 0);
}
