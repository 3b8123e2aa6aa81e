# SPDX-License-Identifier: MIT
# say: prints its argument, a newline and the ready line.
.include "guest.inc"

guest:
  mov argument, %esi
  test %esi, %esi
  jz 1f
  call put_text
1:
  mov $'\n', %al
  call put_byte
  call put_marker
  jmp halt
