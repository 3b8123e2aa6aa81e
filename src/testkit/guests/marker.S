# SPDX-License-Identifier: MIT
# marker: prints the ready line and halts.
.include "guest.inc"

guest:
  call put_marker
  jmp halt
