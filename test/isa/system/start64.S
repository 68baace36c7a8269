/* Multiboot entry to long mode, exception stubs and transfers of the 64-bit system test kernel. */
  .section .multiboot, "a"
  .align 4
  .long 0x1badb002, 0, -0x1badb002

  .text
  .code32
  .globl _start
_start:
  cld
  mov $stack_top, %esp
  /* PML4 -> PDPT -> four directories of 2 MiB pages would do; one GiB is enough. */
  movl $pdpt + 7, pml4
  movl $directory0 + 7, pdpt
  xor %ecx, %ecx
  mov $0x87, %eax
1:
  mov %eax, directory0(, %ecx, 8)
  add $0x200000, %eax
  inc %ecx
  cmp $512, %ecx
  jne 1b
  mov $0x20, %eax
  mov %eax, %cr4
  mov $pml4, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  mov $0x901, %eax
  xor %edx, %edx
  wrmsr
  mov $0x80000011, %eax
  mov %eax, %cr0
  lgdt boot_gdtr
  ljmp $0x08, $2f
  .code64
2:
  mov $0x10, %eax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov %ax, %fs
  mov %ax, %gs
  call main

  .align 8
boot_gdt:
  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr:
  .word 23
  .long boot_gdt

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
  push %rax
  push %rcx
  push %rdx
  push %rsi
  push %rdi
  push %r8
  push %r9
  push %r10
  push %r11
  mov %rsp, %rdi
  mov %rsp, %rbp
  and $-16, %rsp
  cld
  call handle
  mov %rbp, %rsp
  pop %r11
  pop %r10
  pop %r9
  pop %r8
  pop %rdi
  pop %rsi
  pop %rdx
  pop %rcx
  pop %rax
  add $16, %rsp
  iretq

  .globl attempt
attempt:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, recovery
  call *%rdi
  xor %eax, %eax
  jmp restore
  .globl recover
recover:
  mov $1, %eax
restore:
  mov recovery, %rsp
  mov $0x10, %ecx
  mov %cx, %ds
  mov %cx, %es
  mov %cx, %fs
  mov %cx, %gs
  mov %cx, %ss
  push $0x08
  push $1f
  lretq
1:
  push $2
  popf
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret

/* void enter(rip, cs, rflags, rsp, ss): IRETQ. */
  .globl enter
enter:
  push %r8
  push %rcx
  push %rdx
  push %rsi
  push %rdi
  iretq

  .bss
  .globl recovery
recovery: .quad 0
  .globl pml4
  .align 4096
pml4: .space 4096
  .globl pdpt
pdpt: .space 4096
directory0: .space 4096
  .space 16384
stack_top:
