# SPDX-License-Identifier: MIT
# late: silent for 300 ms, or as many as the argument says, then the ready line.
.include "guest.inc"

guest:
  mov $300, %eax
  call argument_number
  call delay
  call put_marker
  jmp halt
