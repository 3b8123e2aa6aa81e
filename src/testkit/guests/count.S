# SPDX-License-Identifier: MIT
# count: prints the ready line, then a growing number every 10 ms, or as many as the argument says.
.include "guest.inc"

guest:
  call put_marker
  mov $10, %eax
  call argument_number
  mov %eax, %ebp
  xor %ebx, %ebx
1:
  mov $text, %esi
  call put_text
  mov %ebx, %eax
  call put_number
  mov $'\n', %al
  call put_byte
  mov %ebp, %eax
  call delay
  inc %ebx
  jmp 1b

.data
text:
  .asciz "count "
