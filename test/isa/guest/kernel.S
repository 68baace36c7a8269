# The ring-0 side of the instruction suite: enters a case by IRETQ with the registers of the
# mailbox, and stores what is left when the case faults or traps. Flat binary at linear
# 0xffffffff80000000; entered at its first byte through an identity mapping of physical 0x100000.
# Segment selectors are Linux's, so that pushed and loaded selectors agree with the native side.

  .set KERNEL, 0xffffffff80000000
  .set MAILBOX, 0xffffffff80010000
  .set STACK_TOP, 0xffffffff80014000
  .set RESULT, 0x400
  .set PORT, 0x700
  .code64
  .globl _start
_start:
  movabs $high, %rax
  jmp *%rax
high:
  mov $0x2000, %eax             # page tables with the windows, laid out by suiteGuest.ts
  mov %rax, %cr3
  mov $0x106b0, %eax            # PSE PAE PGE OSFXSR OSXMMEXCPT FSGSBASE
  mov %rax, %cr4
  mov $0x80050033, %eax         # PG AM WP NE ET MP PE
  mov %rax, %cr0
  mov $0xc0000080, %ecx
  rdmsr
  or $0x801, %eax               # NXE SCE
  wrmsr
  lgdt gdt_pointer(%rip)
  lidt idt_pointer(%rip)
  mov $STACK_TOP, %rsp
  pushq $0x10
  lea 1f(%rip), %rax
  push %rax
  lretq
1: mov $0x18, %eax
  mov %eax, %ss
  mov $0x40, %eax
  ltr %ax
  xor %eax, %eax
  lldt %ax
  # IDT gates from the stub addresses: all DPL 0 but INT3 and INTO.
  lea idt(%rip), %rdi
  lea stubs(%rip), %rsi
  xor %ecx, %ecx
2: mov %rsi, %rax
  mov %ax, (%rdi)
  movw $0x10, 2(%rdi)
  movw $0x8e00, 4(%rdi)
  shr $16, %rax
  mov %ax, 6(%rdi)
  shr $16, %rax
  mov %eax, 8(%rdi)
  movl $0, 12(%rdi)
  add $16, %rdi
  add $16, %rsi
  inc %ecx
  cmp $256, %ecx
  jne 2b
  movw $0xee00, idt+3*16+4(%rip)
  movw $0xee00, idt+4*16+4(%rip)
wait:
  mov $PORT, %edx
3: in %dx, %al
  test %al, %al
  jz 3b
enter:
  mov $MAILBOX, %rbx
  mov $0x2b, %eax
  mov %eax, %ds
  mov %eax, %es
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov $0x20000100, %eax
  wrfsbase %rax
  mov $0x20000200, %eax
  wrgsbase %rax
  fxrstor64 0x200(%rbx)
  pushq $0x2b
  pushq 0x20(%rbx)
  pushq 0x90(%rbx)
  pushq 0x88(%rbx)
  pushq 0x80(%rbx)
  mov 0x00(%rbx), %rax
  mov 0x08(%rbx), %rcx
  mov 0x10(%rbx), %rdx
  mov 0x28(%rbx), %rbp
  mov 0x30(%rbx), %rsi
  mov 0x38(%rbx), %rdi
  mov 0x40(%rbx), %r8
  mov 0x48(%rbx), %r9
  mov 0x50(%rbx), %r10
  mov 0x58(%rbx), %r11
  mov 0x60(%rbx), %r12
  mov 0x68(%rbx), %r13
  mov 0x70(%rbx), %r14
  mov 0x78(%rbx), %r15
  mov 0x18(%rbx), %rbx
  iretq
common:
  # On the stack: vector, error code, RIP, CS, RFLAGS, RSP, SS.
  push %rbx
  mov $MAILBOX+RESULT, %rbx
  mov %rax, 0x00(%rbx)
  mov %rcx, 0x08(%rbx)
  mov %rdx, 0x10(%rbx)
  mov %rbp, 0x28(%rbx)
  mov %rsi, 0x30(%rbx)
  mov %rdi, 0x38(%rbx)
  mov %r8, 0x40(%rbx)
  mov %r9, 0x48(%rbx)
  mov %r10, 0x50(%rbx)
  mov %r11, 0x58(%rbx)
  mov %r12, 0x60(%rbx)
  mov %r13, 0x68(%rbx)
  mov %r14, 0x70(%rbx)
  mov %r15, 0x78(%rbx)
  pop %rax
  mov %rax, 0x18(%rbx)
  pop %rax
  mov %rax, 0x80(%rbx)
  pop %rax
  mov %rax, 0x88(%rbx)
  pop %rax
  mov %rax, 0x90(%rbx)
  pop %rax
  mov %rax, 0x98(%rbx)
  pop %rax
  mov %rax, 0xa0(%rbx)
  pop %rax
  mov %rax, 0x20(%rbx)
  pop %rax
  mov %rax, 0xb0(%rbx)
  mov %cr2, %rax
  mov %rax, 0xb8(%rbx)
  xor %eax, %eax
  mov %ds, %eax
  mov %rax, 0xc0(%rbx)
  mov %es, %eax
  mov %rax, 0xc8(%rbx)
  mov %fs, %eax
  mov %rax, 0xd0(%rbx)
  mov %gs, %eax
  mov %rax, 0xd8(%rbx)
  rdfsbase %rax
  mov %rax, 0xe0(%rbx)
  rdgsbase %rax
  mov %rax, 0xe8(%rbx)
  fxsave64 0x200(%rbx)
  mov $PORT, %edx
  out %al, %dx
  mov $STACK_TOP, %rsp
  jmp wait

  .balign 16
stubs:
  .set vector, 0
  .rept 256
  .balign 16
  .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
  pushq $0
  .endif
  pushq $vector
  jmp common
  .set vector, vector + 1
  .endr

  .balign 16
gdt:
  .quad 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff
  .quad 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0
  .quad 0x8000890020000067, 0xffffffff
  # Last: Linux's segment whose limit is the number of the CPU.
  .quad 0, 0, 0, 0, 0, 0x0040f50000000000
gdt_pointer:
  .word 127
  .quad gdt
idt_pointer:
  .word 4095
  .quad idt
  .org 0x2000                    # the TSS descriptor above names this offset
tss:
  .long 0
  .quad STACK_TOP
  .fill 90, 1, 0
  .word 104
  .org 0x3000
idt:
  .fill 4096, 1, 0
