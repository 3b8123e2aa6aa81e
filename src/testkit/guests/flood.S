# SPDX-License-Identifier: MIT
# flood: prints numbered lines without a pause; the argument limits them, then the ready line follows.
.include "guest.inc"

guest:
  mov $-1, %eax
  call argument_number
  mov %eax, %ebp
  xor %ebx, %ebx
1:
  cmp %ebp, %ebx
  je 2f
  mov $text, %esi
  call put_text
  mov %ebx, %eax
  call put_number
  mov $'\n', %al
  call put_byte
  inc %ebx
  jmp 1b
2:
  call put_marker
  jmp halt

.data
text:
  .asciz "line "
