/**
 * A Multiboot kernel (flat binary, 32-bit) for tests of the machine: it computes, halts until the
 * PIT's tick (1 kHz), prints ticks, a hash, the time-stamp counter and the RTC's seconds every
 * tenth tick, and powers off at 200 ticks. QEMU runs it with -kernel just as well.
 */

/*
 * GNU as --32, linked at 0x100000:
 *       .code32
 *   start:
 *       .long 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
 *       .long start, start, end, end + 4096, _start
 *   _start:
 *       mov $end + 4096, %esp
 *       lgdt gdtr
 *       ljmp $0x08, $1f
 *   1:  mov $0x10, %eax
 *       mov %eax, %ds
 *       mov %eax, %es
 *       mov %eax, %ss
 *       mov $irq0, %eax            # IDT entry 0x20
 *       mov %ax, idt + 0x20*8
 *       movl $0x00080000, %ebx
 *       mov $0x08, %bx
 *       mov %bx, idt + 0x20*8 + 2
 *       movw $0x8e00, idt + 0x20*8 + 4
 *       shr $16, %eax
 *       mov %ax, idt + 0x20*8 + 6
 *       lidt idtr
 *       mov $0x11, %al             # 8259 pair at 0x20, 0x28; only IRQ 0 open
 *       out %al, $0x20
 *       out %al, $0xa0
 *       mov $0x20, %al
 *       out %al, $0x21
 *       mov $0x28, %al
 *       out %al, $0xa1
 *       mov $4, %al
 *       out %al, $0x21
 *       mov $2, %al
 *       out %al, $0xa1
 *       mov $1, %al
 *       out %al, $0x21
 *       out %al, $0xa1
 *       mov $0xfe, %al
 *       out %al, $0x21
 *       mov $0xff, %al
 *       out %al, $0xa1
 *       mov $0x34, %al             # PIT channel 0, mode 2, 1 kHz
 *       out %al, $0x43
 *       mov $0xa9, %al
 *       out %al, $0x40
 *       mov $0x04, %al
 *       out %al, $0x40
 *       mov $0x12345678, %esi
 *       sti
 *   loop:
 *       mov $2000, %ecx            # some work between the ticks
 *   2:  mov %esi, %eax
 *       shl $13, %eax
 *       xor %eax, %esi
 *       mov %esi, %eax
 *       shr $17, %eax
 *       xor %eax, %esi
 *       mov %esi, %eax
 *       shl $5, %eax
 *       xor %eax, %esi
 *       loop 2b
 *       hlt
 *       mov ticks, %eax
 *       cmp last, %eax
 *       je loop
 *       mov %eax, last
 *       mov $10, %ecx
 *       xor %edx, %edx
 *       div %ecx
 *       test %edx, %edx
 *       jnz 3f
 *       mov last, %eax             # every tenth: ticks, hash, time stamp counter, RTC seconds
 *       call hex
 *       mov %esi, %eax
 *       call hex
 *       rdtsc
 *       call hex
 *       xor %eax, %eax
 *       out %al, $0x70
 *       in $0x71, %al
 *       call hex
 *       mov $10, %al
 *       call put
 *   3:  cmpl $200, last
 *       jb loop
 *       mov $0x604, %dx
 *       mov $0x2000, %ax
 *       out %ax, %dx
 *   4:  hlt
 *       jmp 4b
 *   hex:
 *       mov %eax, %ebx
 *       mov $8, %ecx
 *   5:  rol $4, %ebx
 *       mov %bl, %al
 *       and $15, %al
 *       cmp $10, %al
 *       jb 6f
 *       add $39, %al
 *   6:  add $48, %al
 *       call put
 *       loop 5b
 *       mov $32, %al
 *   put:
 *       mov $0x3f8, %dx
 *       out %al, %dx
 *       ret
 *   irq0:
 *       push %eax
 *       incl ticks
 *       mov $0x20, %al
 *       out %al, $0x20
 *       pop %eax
 *       iret
 *       .align 8
 *   gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
 *   gdtr: .word 23
 *       .long gdt
 *   idtr: .word 0x21*8 - 1
 *       .long idt
 *   ticks: .long 0
 *   last: .long 0
 *       .align 8
 *   end:
 *       .equ idt, end + 8192
 */
const code = `
  02b0ad1b00000100fe4f51e40000100000001000900110009011100020001000bc901110000f
  011578011000ea330010000800b8100000008ed88ec08ed0b84c01100066a390221000bb0000
  080066bb080066891d9222100066c70594221000008ec1e81066a3962210000f011d7e011000
  b011e620e6a0b020e621b028e6a1b004e621b002e6a1b001e621e6a1b0fee621b0ffe6a1b034
  e643b0a9e640b004e640be78563412fbb9d007000089f0c1e00d31c689f0c1e81131c689f0c1
  e00531c6e2e9f4a1840110003b058801100074d6a388011000b90a00000031d2f7f185d2752a
  a188011000e83900000089f0e8320000000f31e82b00000031c0e670e471e820000000b00ae8
  38000000813d88011000c8000000728e66ba040666b8002066eff4ebfd89c3b908000000c1c3
  0488d8240f3c0a720204270430e804000000e2eab02066baf803eec350ff0584011000b020e6
  2058cf8db426000000000000000000000000ffff0000009bcf00ffff00000093cf0017006001
  100007019021100000000000000000008d742600`;

export function tickKernel(): Uint8Array {
  return Uint8Array.from(Buffer.from(code.replace(/\s/g, ''), 'hex'));
}
