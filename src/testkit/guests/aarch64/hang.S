// SPDX-License-Identifier: MIT
// hang: prints nothing and spins.
.include "guest.inc"

guest:
  b guest
