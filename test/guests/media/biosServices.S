/*
 * A boot program that calls the BIOS and prints what it gets, a line a call, on COM1 by INT 14h. Loaded at 0x7c00 from
 * the first sector of a disk; reads the rest of itself. Ends by APM power-off.
 */
  .code16
  .globl _start

/* Prints text, then registers as hex words. */
.macro line text, regs:vararg
  call save_registers
  mov $9f, %si
  call print
  .irp reg, \regs
  .ifnb \reg
  mov saved_\reg, %ax
  call print_hex
  .endif
  .endr
  call new_line
  jmp 8f
9: .asciz "\text:"
8:
.endm

_start:
  ljmp $0, $1f
1: xor %ax, %ax
  mov %ax, %ds
  mov %ax, %es
  mov %ax, %ss
  mov $0x7000, %sp
  mov %dl, drive
  /* INT 13h AH=02h: the next 15 sectors of track 0. */
  mov $0x020f, %ax
  mov $0x7e00, %bx
  mov $0x0002, %cx
  mov $0, %dh
  int $0x13
  jc 2f
  jmp main
2: hlt
  jmp 2b
drive: .byte 0

  .org 446
  .byte 0x80, 0, 2, 0, 0xda, 15, 63, 0
  .long 1, 1007
  .org 510
  .word 0xaa55

main:
  mov $0x00e3, %ax          /* 9600 8N1 */
  xor %dx, %dx
  int $0x14
  line "14h 00h", ax
  mov $0x0300, %ax
  xor %dx, %dx
  int $0x14
  line "14h 03h", ax
  mov $0x0200, %ax
  xor %dx, %dx
  int $0x14
  line "14h 02h", ax
  mov $0x0341, %ax
  mov $3, %dx
  int $0x14
  line "14h 03h COM4", ax
  mov $0x0200, %ax
  xor %dx, %dx
  int $0x17
  line "17h 02h", ax
  int $0x11
  line "11h", ax
  int $0x12
  line "12h", ax

  /* Disks. */
  mov $0x0800, %ax
  mov $0x80, %dl
  int $0x13
  line "13h 08h 80", ax, cx, dx, flags
  mov $0x0800, %ax
  mov $0, %dl
  int $0x13
  line "13h 08h 00", ax, bx, cx, dx, flags
  push %ds
  pop %es
  mov $0x1500, %ax
  mov $0x80, %dl
  int $0x13
  line "13h 15h 80", ax, cx, dx, flags
  mov $0x1500, %ax
  mov $0, %dl
  int $0x13
  line "13h 15h 00", ax, flags
  mov $0x1500, %ax
  mov $0x85, %dl
  int $0x13
  line "13h 15h 85", ax, flags
  mov $0x4100, %ax
  mov $0x55aa, %bx
  mov $0x80, %dl
  int $0x13
  line "13h 41h", ax, bx, cx, flags
  mov $0x4200, %ax
  mov $0x80, %dl
  mov $packet, %si
  int $0x13
  mov 0x9000, %bx
  line "13h 42h", ax, bx, flags
  movl $0xffffff, packet + 8
  mov $0x4200, %ax
  mov $0x80, %dl
  mov $packet, %si
  int $0x13
  line "13h 42h behind the end", ax, flags
  movw $0x1a, 0x9200
  mov $0x4800, %ax
  mov $0x80, %dl
  mov $0x9200, %si
  int $0x13
  mov 0x9210, %bx
  mov 0x9218, %cx
  line "13h 48h", ax, bx, cx, flags
  mov $0x0201, %ax
  mov $0x9400, %bx
  mov $0xffff, %cx
  mov $0x0080, %dx
  int $0x13
  line "13h 02h no such sector", ax, flags
  mov $0x0100, %ax
  mov $0x80, %dl
  int $0x13
  line "13h 01h", ax, flags
  /* Floppy: write sector 5 of head 1, read it back. */
  movw $0xbeef, 0x9000
  mov $0x0301, %ax
  mov $0x9000, %bx
  mov $0x0305, %cx
  mov $0x0100, %dx
  int $0x13
  line "13h 03h 00", ax, flags
  mov $0x0201, %ax
  mov $0x9400, %bx
  mov $0x0305, %cx
  mov $0x0100, %dx
  int $0x13
  mov 0x9400, %bx
  line "13h 02h 00", ax, bx, flags

  /* Memory. */
  xor %ebx, %ebx
1: mov $0xe820, %eax
  mov $0x534d4150, %edx
  mov $20, %ecx
  mov $0x9000, %di
  int $0x15
  jc 2f
  mov %ebx, next_entry
  mov 0x9002, %bx
  mov 0x900a, %cx
  mov 0x9010, %dx
  line "15h e820h", bx, cx, dx
  mov next_entry, %ebx
  test %ebx, %ebx
  jnz 1b
2: mov $0xe801, %ax
  int $0x15
  line "15h e801h", ax, bx, cx, dx, flags
  mov $0x8800, %ax
  int $0x15
  line "15h 88h", ax, flags
  mov $0xc000, %ax
  int $0x15
  mov %es:2(%bx), %cl
  mov $0, %ch
  line "15h c0h", ax, cx, flags
  push %ds
  pop %es
  mov $0x2402, %ax
  int $0x15
  line "15h 2402h", ax, flags
  mov $0x8600, %ax
  mov $0, %cx
  mov $2000, %dx
  int $0x15
  line "15h 86h", flags
  /* A block to 2 MiB and back. */
  movw $0xcafe, 0x9000
  mov $0x8700, %ax
  mov $1, %cx
  mov $move_out, %si
  int $0x15
  line "15h 87h out", ax, flags
  movw $0, 0x9000
  mov $0x8700, %ax
  mov $1, %cx
  mov $move_in, %si
  int $0x15
  mov 0x9000, %bx
  line "15h 87h in", ax, bx, flags

  /* Keyboard and time. */
  mov $0x0100, %ax
  int $0x16
  line "16h 01h", flags
  mov $0x0500, %ax
  mov $0x1e61, %cx
  int $0x16
  line "16h 05h", ax
  mov $0x0000, %ax
  int $0x16
  line "16h 00h", ax
  mov $0x0000, %ax
  int $0x1a
  mov %dx, %bx
3: push %bx
  mov $0x0000, %ax
  int $0x1a
  pop %bx
  cmp %dx, %bx
  je 3b
  line "1ah 00h ticks"
  mov $0x0400, %ax
  int $0x1a
  line "1ah 04h", cx, flags
  mov $0xb101, %ax
  int $0x1a
  line "1ah b101h", ax, bx, dx, flags
  mov $0xb102, %ax
  mov $0x1237, %cx
  mov $0x8086, %dx
  xor %si, %si
  int $0x1a
  line "1ah b102h", ax, bx, flags
  mov $0xb109, %ax
  xor %bx, %bx
  xor %di, %di
  int $0x1a
  line "1ah b109h", cx, flags

  /* Display. */
  mov $0x0f00, %ax
  int $0x10
  line "10h 0fh", ax
  movl $0x32454256, 0x9000
  mov $0x4f00, %ax
  mov $0x9000, %di
  int $0x10
  mov 0x9000, %bx
  mov 0x9004, %cx
  line "10h 4f00h", ax, bx, cx
  mov $0x4f01, %ax
  mov $0x118, %cx
  mov $0x9000, %di
  int $0x10
  mov 0x9012, %bx
  mov 0x9014, %cx
  mov 0x902a, %dx
  line "10h 4f01h 118h", ax, bx, cx, dx
  mov $0x4f02, %ax
  mov $0x4118, %bx
  int $0x10
  line "10h 4f02h", ax
  mov $0x4f03, %ax
  int $0x10
  line "10h 4f03h", ax, bx
  mov $0x4f15, %ax
  mov $1, %bx
  xor %cx, %cx
  xor %dx, %dx
  mov $0x9000, %di
  int $0x10
  mov 0x9000, %bx
  line "10h 4f15h", ax, bx
  mov $0x0003, %ax
  int $0x10

  /* Tables in the F segment, by their anchors on 16-byte boundaries. */
  mov $anchors, %bp
4: mov $0xe000, %ax
5: mov %ax, %es
  mov (%bp), %ecx
  cmp %es:0, %ecx
  je 6f
  inc %ax
  jnz 5b
6: mov %bp, %si
  push %ax
  movl %ecx, anchor_text
  mov $anchor_text, %si
  call print
  pop %ax
  test %ax, %ax
  setnz %al
  mov $0, %ah
  call print_hex
  call new_line
  add $4, %bp
  cmpl $0, (%bp)
  jne 4b
  push %ds
  pop %es

  /* APM. */
  mov $0x5300, %ax
  xor %bx, %bx
  int $0x15
  line "15h 5300h", ax, bx, cx, flags
  mov $0x5301, %ax
  xor %bx, %bx
  int $0x15
  line "15h 5301h", flags
  mov $0x530e, %ax
  xor %bx, %bx
  mov $0x0102, %cx
  int $0x15
  line "15h 530eh", ax, flags
  mov $0x5307, %ax
  mov $1, %bx
  mov $3, %cx
  int $0x15
  line "still here"
7: hlt
  jmp 7b

save_registers:
  mov %ax, saved_ax
  mov %bx, saved_bx
  mov %cx, saved_cx
  mov %dx, saved_dx
  pushf
  popw saved_flags
  andw $0x41, saved_flags
  ret

print:
  cld
1: lodsb
  test %al, %al
  jz 2f
  call put
  jmp 1b
2: ret

put:
  push %ax
  push %dx
  mov $1, %ah
  xor %dx, %dx
  int $0x14
  pop %dx
  pop %ax
  ret

new_line:
  mov $13, %al
  call put
  mov $10, %al
  jmp put

print_hex:
  push %ax
  mov $' ', %al
  call put
  pop %ax
  mov $4, %cx
1: rol $4, %ax
  push %ax
  and $15, %al
  cmp $10, %al
  jb 2f
  add $'a' - '0' - 10, %al
2: add $'0', %al
  call put
  pop %ax
  loop 1b
  ret

saved_ax: .word 0
saved_bx: .word 0
saved_cx: .word 0
saved_dx: .word 0
saved_flags: .word 0
next_entry: .long 0
anchors:
  .ascii "RSD _SM_$PIR"
  .ascii "_MP_"
  .long 0
anchor_text: .asciz "    "
  .balign 4
packet: .byte 16, 0
  .word 1, 0x9000, 0
  .quad 0
move_out:
  .quad 0, 0
  .word 0xffff, 0x9000
  .byte 0, 0x93, 0, 0
  .word 0xffff, 0
  .byte 0x20, 0x93, 0, 0
  .quad 0, 0
move_in:
  .quad 0, 0
  .word 0xffff, 0
  .byte 0x20, 0x93, 0, 0
  .word 0xffff, 0x9000
  .byte 0, 0x93, 0, 0
  .quad 0, 0
  .org 16 * 512
