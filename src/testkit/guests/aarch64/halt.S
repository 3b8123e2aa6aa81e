// SPDX-License-Identifier: MIT
// halt: prints nothing and halts.
.include "guest.inc"

guest:
  b halt
