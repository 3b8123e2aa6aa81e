// SPDX-License-Identifier: MIT
// marker: prints the ready line and halts.
.include "guest.inc"

guest:
  bl put_marker
  b halt
