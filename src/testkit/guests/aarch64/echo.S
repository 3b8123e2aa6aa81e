// SPDX-License-Identifier: MIT
// echo: prints the ready line, then returns every byte that it is sent.
.include "guest.inc"

guest:
  bl put_marker
1:
  bl get_byte
  bl put_byte
  b 1b
