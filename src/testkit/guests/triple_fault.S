# SPDX-License-Identifier: MIT
# triple_fault: prints a line and faults with no interrupt table, which resets the machine, for ever.
.include "guest.inc"

guest:
  mov $text, %esi
  call put_text
  lidt no_table
  ud2

.data
text:
  .asciz "vmfleet: guest faults\n"
no_table:
  .word 0
  .long 0
