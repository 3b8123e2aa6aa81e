# SPDX-License-Identifier: MIT
# poweroff: prints the ready line and switches the machine off.
.include "guest.inc"

.include "power.inc"

guest:
  call put_marker
  jmp power_off
