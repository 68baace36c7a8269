/* Multiboot entry of the display test kernel. */
  .code32
  .section .multiboot, "a"
  .align 4
  .long 0x1badb002, 0, -0x1badb002

  .text
  .globl _start
_start:
  cld
  mov $stack_top, %esp
  call main
1:
  hlt
  jmp 1b

  .bss
  .align 16
  .skip 16384
stack_top:
