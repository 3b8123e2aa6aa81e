// SPDX-License-Identifier: MIT
// exit_code: prints the ready line and ends QEMU with N by semihosting; N is the argument, or 16.
.include "guest.inc"

guest:
  bl put_marker
  mov x0, #16
  bl argument_number
  adr x1, exit_block
  str x0, [x1, #8]
  mov w0, #0x20                 // SYS_EXIT_EXTENDED
  hlt #0xf000
  b halt

  .balign 8
exit_block:
  .quad 0x20026                 // ADP_Stopped_ApplicationExit
  .quad 0
