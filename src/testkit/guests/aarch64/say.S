// SPDX-License-Identifier: MIT
// say: prints its argument, a newline and the ready line.
.include "guest.inc"

guest:
  bl argument
  bl put_text
  mov w0, #'\n'
  bl put_byte
  bl put_marker
  b halt
