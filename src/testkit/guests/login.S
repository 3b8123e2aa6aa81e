# SPDX-License-Identifier: MIT
# login: prompts without a newline, reads a line, greets by that name, and prompts again.
.include "guest.inc"

guest:
  mov $prompt, %esi
  call put_text
  mov $name, %edi
1:
  call get_byte
  cmp $'\r', %al
  je 2f
  cmp $'\n', %al
  je 2f
  cmp $name_end, %edi
  je 1b
  call put_byte
  stosb
  jmp 1b
2:
  movb $0, (%edi)
  mov $greeting, %esi
  call put_text
  mov $name, %esi
  call put_text
  mov $'\n', %al
  call put_byte
  jmp guest

.data
prompt:
  .asciz "login: "
greeting:
  .asciz "\nwelcome "

.bss
name:
  .skip 63
name_end:
  .skip 1
