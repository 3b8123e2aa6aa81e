# SPDX-License-Identifier: MIT
# panic: prints what a Linux kernel prints, tells a pvpanic device (ISA or PCI), and halts.
.include "guest.inc"

.set PVPANIC_PORT, 0x505
.set PVPANIC_PCI_ID, 0x00111b36
.set PANICKED, 1

guest:
  mov $text, %esi
  call put_text
  mov $PVPANIC_PORT, %edx
  mov $PANICKED, %al
  out %al, %dx
  mov $0x80000000, %ebx         # bus 0, device 0, register 0
1:
  mov %ebx, %eax
  call read_pci
  cmp $PVPANIC_PCI_ID, %eax
  je 2f
  add $0x800, %ebx              # the next device
  cmp $0x80010000, %ebx
  jne 1b
  jmp halt
2:
  lea 0x10(%ebx), %eax
  call read_pci
  and $~15, %eax
  movb $PANICKED, (%eax)
  jmp halt

# Reads the register of configuration space at the address in eax.
read_pci:
  mov $0xcf8, %edx
  out %eax, %dx
  mov $0xcfc, %edx
  in %dx, %eax
  ret

.data
text:
  .ascii "[    0.500000] Kernel panic - not syncing: test\n"
  .asciz "[    0.500001] ---[ end Kernel panic - not syncing: test ]---\n"
