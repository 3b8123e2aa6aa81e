// SPDX-License-Identifier: MIT
// button: prints the ready line and switches off when its power button is pressed.
.include "guest.inc"

.set GPIO, 0x09030000
.set BUTTON, 1 << 3

guest:
  mov x20, #GPIO
  mov w0, #BUTTON
  str w0, [x20, #0x40c]         // a rising edge is kept
  bl put_marker
1:
  mov x0, #10
  bl delay
  ldr w0, [x20, #0x414]
  tst w0, #BUTTON
  b.eq 1b
  adr x2, text
  bl put_text
  b power_off

text:
  .asciz "vmfleet: guest switches off\n"
