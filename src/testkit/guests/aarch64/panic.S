// SPDX-License-Identifier: MIT
// panic: prints what a Linux kernel prints, tells a pvpanic device (PCI), and halts.
.include "guest.inc"

.set PCI_CONFIGURATION, 0x4010000000
.set PCI_MEMORY, 0x10000000
.set PVPANIC_PCI_ID, 0x00111b36
.set PANICKED, 1

guest:
  adr x2, text
  bl put_text
  mov x0, #(PCI_CONFIGURATION & 0xffffffff)
  movk x0, #(PCI_CONFIGURATION >> 32), lsl #32
  mov w1, #(PVPANIC_PCI_ID & 0xffff)
  movk w1, #(PVPANIC_PCI_ID >> 16), lsl #16
  mov w2, #32
1:
  ldr w3, [x0]
  cmp w3, w1
  b.eq 2f
  add x0, x0, #0x8000           // the next device
  subs w2, w2, #1
  b.ne 1b
  b halt
2:
  mov w1, #PCI_MEMORY           // no firmware has given it a place
  str w1, [x0, #0x10]
  mov w2, #2                    // it answers there
  strh w2, [x0, #4]
  mov w2, #PANICKED
  strb w2, [x1]
  b halt

text:
  .ascii "[    0.500000] Kernel panic - not syncing: test\n"
  .asciz "[    0.500001] ---[ end Kernel panic - not syncing: test ]---\n"
