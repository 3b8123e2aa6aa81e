# SPDX-License-Identifier: MIT
# echo: prints the ready line, then returns every byte that it is sent.
.include "guest.inc"

guest:
  call put_marker
1:
  call get_byte
  call put_byte
  jmp 1b
