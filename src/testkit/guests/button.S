# SPDX-License-Identifier: MIT
# button: prints the ready line and switches off when its power button is pressed (pc, q35).
.include "guest.inc"

.include "power.inc"

guest:
  mov $PM1A_EVENT + 2, %edx
  mov $0x100, %ax               # PWRBTN_EN: without it no status is kept
  out %ax, %dx
  call put_marker
  mov $PM1A_EVENT, %edx
1:
  mov $10, %eax
  call delay
  in %dx, %ax
  test $0x100, %ax              # PWRBTN_STS
  jz 1b
  mov $text, %esi
  call put_text
  jmp power_off

.data
text:
  .asciz "vmfleet: guest switches off\n"
