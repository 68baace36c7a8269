/* Multiboot entry and exception stubs of the 32-bit system test kernel. */
  .code32
  .section .multiboot, "a"
  .align 4
  .long 0x1badb002, 0, -0x1badb002

  .text
  .globl _start
_start:
  cld
  mov $stack_top, %esp
  push $0
  popf
  call main

/* Stub of vector n: error code (or 0), vector. 16 bytes each. */
  .globl stubs
  .align 16
stubs:
  .set n, 0
  .rept 256
  .align 16
  .if (n == 8) || (n == 10) || (n == 11) || (n == 12) || (n == 13) || (n == 14) || (n == 17)
  nop
  nop
  .else
  push $0
  .endif
  push $n
  jmp common
  .set n, n + 1
  .endr

common:
  pusha
  push %ds
  push %es
  push %fs
  push %gs
  mov $0x10, %eax
  mov %ax, %ds
  mov %ax, %es
  cld
  mov %esp, %eax
  push %eax
  call handle
  /* Returns here only to resume the interrupted program. */
  pop %eax
  pop %gs
  pop %fs
  pop %es
  pop %ds
  popa
  add $8, %esp
  iret

/* int attempt(void (*body)(void)): 0 if it returned, 1 if an exception ended it. */
  .globl attempt
attempt:
  push %ebp
  push %ebx
  push %esi
  push %edi
  mov %esp, recovery_esp
  mov 20(%esp), %eax
  call *%eax
  xor %eax, %eax
  jmp restore
/* From handle(): unwind to the running attempt(). */
  .globl recover
recover:
  mov recovery_esp, %esp
  mov $1, %eax
restore:
  mov $0x10, %ecx
  mov %cx, %ds
  mov %cx, %es
  mov %cx, %fs
  mov %cx, %gs
  mov %cx, %ss
  mov recovery_esp, %esp
  ljmp $0x08, $1f
1:
  push $0
  popf
  pop %edi
  pop %esi
  pop %ebx
  pop %ebp
  ret

/* void enter(u32 eip, u32 cs, u32 eflags, u32 esp, u32 ss, u32 data): IRET to an outer level. */
  .globl enter
enter:
  mov %esp, %ebp
  mov 24(%ebp), %eax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %fs
  mov %ax, %gs
  pushl %ss:20(%ebp)
  pushl %ss:16(%ebp)
  pushl %ss:12(%ebp)
  pushl %ss:8(%ebp)
  pushl %ss:4(%ebp)
  iret

/* void enter_v86(u32 ip, u32 cs, u32 eflags): all data segments 0, stack 0:0xf000. */
  .globl enter_v86
enter_v86:
  mov %esp, %ebp
  push $0
  push $0
  push $0
  push $0
  push $0
  push $0xf000
  pushl 12(%ebp)
  pushl 8(%ebp)
  pushl 4(%ebp)
  iret

  .bss
  .globl recovery_esp
recovery_esp: .long 0
  .align 16
  .space 16384
stack_top:
