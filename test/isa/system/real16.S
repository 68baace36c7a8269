/*
 * Real mode, for the 32-bit system test kernel: runs at 0x7000 after a copy, prints what it sees. void
 * real_mode(void) goes there and comes back.
 */
#define AT(symbol) (symbol - real_code + 0x7000)
#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_CODE16 0x80
#define SEL_DATA16 0x90

  .text
  .code32
  .globl real_mode
real_mode:
  pusha
  sidt protected_idt
  mov %esp, protected_esp
  mov $real_code, %esi
  mov $0x7000, %edi
  mov $real_end - real_code, %ecx
  rep movsb
  ljmp $SEL_CODE16, $0x7000
back:
  mov $SEL_DATA, %eax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov %ax, %fs
  mov %ax, %gs
  mov protected_esp, %esp
  lidt protected_idt
  popa
  ret

  .code16
real_code:
  mov $SEL_DATA16, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov %ax, %gs
  /* FS keeps its 4 GiB limit: "unreal mode". */
  mov $SEL_DATA, %ax
  mov %ax, %fs
  mov %cr0, %eax
  and $~1, %al
  mov %eax, %cr0
  ljmp $0, $AT(1f)
1:
  xor %ax, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov %ax, %gs
  mov $0x6f00, %sp
  lidt AT(real_idt)
  /* Every vector: handler n is 6 bytes long. */
  xor %bx, %bx
  mov $AT(handlers), %ax
2:
  mov %ax, (%bx)
  movw $0, 2(%bx)
  add $6, %ax
  add $4, %bx
  cmp $0x400, %bx
  jne 2b

.macro say text
  call say_text
  .asciz "\text"
.endm
.macro show value
  push \value
  call show_word
.endm
/* Runs what follows up to `done`; an exception continues at `done` too. */
.macro try text
  say "real \text"
  movw $AT(9f), AT(resume)
.endm
.macro done
9:
  movw $0, AT(resume)
  call new_line
.endm

  try "int 60"
  int $0x60
  done
  try "divide by zero"
  xor %cx, %cx
  div %cx
  done
  try "aam 0"
  .byte 0xd4, 0
  done
  try "into"
  mov $0x7fff, %ax
  inc %ax
  into
  done
  try "bound"
  mov $9, %ax
  bound %ax, AT(range)
  done
  try "ud2"
  ud2
  done
  try "sldt"
  sldt %ax
  done
  try "lar"
  lar %ax, %bx
  done
  try "verr"
  verr %ax
  done
  try "arpl"
  .byte 0x63, 0xc0
  done
  try "lldt"
  lldt %ax
  done
  try "smsw"
  smsw %ax
  show %ax
  done
  try "far call"
  lcall $0x0100, $AT(called) - 0x1000
  mov %cs, %ax
  show %ax
  done
  try "far jump"
  ljmp $0x0200, $AT(3f) - 0x2000
3:
  mov %cs, %ax
  show %ax
  ljmp $0, $AT(4f)
4:
  done
  try "wide calls"
  calll 5f
5:
  popl %eax
  show %ax
  pushl $0x12345678
  pop %ax
  pop %bx
  show %ax
  show %bx
  show %sp
  done
  try "unreal"
  mov $0x100000, %ebx
  movl %fs:(%ebx), %eax
  show %ax
  mov $0x10, %ax
  mov %ax, %fs
  mov $0xfff00, %ebx
  movl %fs:(%ebx), %eax
  show %ax
  done
  try "address wrap"
  movb $0x5a, 1
  mov $0xffff, %bx
  mov 2(%bx), %al
  show %ax
  done
  try "string wrap"
  movb $0x11, 0xfffe
  movb $0x22, 0xffff
  mov $0xfffe, %si
  mov $0x6000, %di
  mov $4, %cx
  rep movsb
  show %si
  show %di
  show %cx
  show 0x6000
  done
  try "wide string"
  mov $0x7000, %esi
  mov $0x6000, %edi
  mov $2, %ecx
  addr32 rep movsw
  show %si
  show %cx
  show 0x6002
  done
  try "stack wrap"
  mov %sp, %bp
  xor %sp, %sp
  push %bp
  mov %sp, %cx
  mov %bp, %sp
  show %cx
  done
  try "push sp"
  push %sp
  pop %ax
  show %ax
  done
  try "enter"
  enter $8, $2
  show %bp
  show %sp
  leave
  show %sp
  done
  try "popf"
  .irp bits, 0x200, 0x3000, 0x4000, 0x400, 0x8000, 0xfcd5
  push $\bits & ~0x100
  popf
  pushf
  pop %ax
  push $2
  popf
  show %ax
  .endr
  done
  try "popfd"
  pushl $0x3c0000
  popfl
  pushfl
  pop %ax
  pop %bx
  show %ax
  show %bx
  push $2
  popf
  done
  try "iret"
  pushf
  push %cs
  push $AT(6f)
  iret
6:
  pushfl
  pushl %cs
  pushl $AT(7f)
  iretl
7:
  show %sp
  done
  try "pe without jump"
  mov %cr0, %eax
  or $1, %al
  mov %eax, %cr0
  mov AT(range), %bx
  and $~1, %al
  mov %eax, %cr0
  show %bx
  done
  try "step"
  pushf
  pop %ax
  or $0x100, %ax
  push %ax
  popf
  nop
  int $0x60
  nop
  pushf
  pop %ax
  and $~0x100, %ax
  push %ax
  popf
  done
  try "movs to segments"
  mov $0x1234, %ax
  mov %ax, %es
  movb $0x77, %es:5
  mov $0x1230, %ax
  mov %ax, %es
  mov %es:0x45, %al
  show %ax
  lds AT(pointer), %si
  mov %ds, %ax
  push $0
  pop %ds
  show %ax
  show %si
  done

  cli
  mov %cr0, %eax
  or $1, %al
  mov %eax, %cr0
  ljmpl $SEL_CODE, $back

called:
  mov %cs, %ax
  show %ax
  lret

/* The string behind the call. */
say_text:
  pop %si
1:
  cs lodsb
  test %al, %al
  jz 2f
  out %al, $0xe9
  jmp 1b
2:
  jmp *%si

/* The word on the stack, in hexadecimal; registers stay. */
show_word:
  pushf
  pusha
  mov %sp, %bp
  mov 20(%bp), %dx
  mov $' ', %al
  out %al, $0xe9
  mov $4, %cx
1:
  rol $4, %dx
  mov %dl, %al
  and $15, %al
  cmp $10, %al
  jb 2f
  add $'a' - '0' - 10, %al
2:
  add $'0', %al
  out %al, $0xe9
  loop 1b
  popa
  popf
  ret $2

new_line:
  push %ax
  mov $'\n', %al
  out %al, $0xe9
  pop %ax
  ret

/* Vector on the stack, then IP CS FLAGS. */
handle_any:
  push %bp
  mov %sp, %bp
  pusha
  push %ds
  push $0
  pop %ds
  say " v"
  show 2(%bp)
  show 4(%bp)
  show 6(%bp)
  andw $0x7fff, 8(%bp)
  push 8(%bp)
  andw $0x7700, -20(%bp)
  call show_word
  cmpw $0x60, 2(%bp)
  je 1f
  cmpw $1, 2(%bp)
  je 1f
  mov AT(resume), %ax
  mov %ax, 4(%bp)
  movw $0, 6(%bp)
1:
  pop %ds
  popa
  pop %bp
  add $2, %sp
  iret

range: .word 1, 5
pointer: .word 0x4321, 0x0700
resume: .word 0
real_idt: .word 0x3ff, 0, 0
  .align 2
handlers:
  .set n, 0
  .rept 256
  .byte 0x68 /* push imm16 */
  .word n
  .byte 0xe9
  .word AT(handle_any) - (AT(handlers) + 6 * n + 6)
  .set n, n + 1
  .endr
real_end:

  .bss
protected_idt: .space 8
protected_esp: .space 4
