// SPDX-License-Identifier: MIT
// poweroff: prints the ready line and switches the machine off.
.include "guest.inc"

guest:
  bl put_marker
  b power_off
