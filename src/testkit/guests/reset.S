# SPDX-License-Identifier: MIT
# reset: prints a line and resets the machine, for ever.
.include "guest.inc"

guest:
  mov $text, %esi
  call put_text
  mov $0xcf9, %edx
  mov $6, %al
  out %al, %dx
  jmp halt

.data
text:
  .asciz "vmfleet: guest resets\n"
