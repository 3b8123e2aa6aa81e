// SPDX-License-Identifier: MIT
// reset: prints a line and resets the machine, for ever.
.include "guest.inc"

guest:
  adr x2, text
  bl put_text
  mov w0, #9                    // SYSTEM_RESET
  movk w0, #0x8400, lsl #16
  hvc #0
  b halt

text:
  .asciz "vmfleet: guest resets\n"
