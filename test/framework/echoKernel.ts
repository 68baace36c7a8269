/**
 * The smallest guest that talks: a Multiboot kernel (flat binary, 32-bit) that prints "ready" on
 * COM1 and then sends back what it receives by polling. Control characters end it.
 */
export const echoKernelKeys = {
  /** Powers off through ACPI (PM1a control, sleep type 0). */
  powerOff: 0x10,
  /** Writes 3 to the debug-exit port 0xf4: exit code 7. */
  debugExit: 0x05,
  /** Loads an empty IDT and executes UD2. */
  tripleFault: 0x14,
} as const;

/*
 * GNU as, 32 bit, at 0x100000:
 *   start:  .long 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
 *           .long start, start, end, end + 4096, _start
 *   _start: mov $end + 4096, %esp; mov $msg, %esi
 *   1:      lodsb; test %al, %al; jz loop; call put; jmp 1b
 *   loop:   mov $0x3fd, %dx; in %dx, %al; test $1, %al; jz loop
 *           mov $0x3f8, %dx; in %dx, %al
 *           cmp $0x10, %al; je off; cmp $0x05, %al; je exit; cmp $0x14, %al; je triple
 *           call put; jmp loop
 *   put:    mov %al, %ah
 *   2:      mov $0x3fd, %dx; in %dx, %al; test $0x20, %al; jz 2b
 *           mov %ah, %al; mov $0x3f8, %dx; out %al, %dx; ret
 *   exit:   mov $3, %al; out %al, $0xf4; jmp loop
 *   off:    mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx; jmp loop
 *   triple: lidt idt; ud2
 *   idt:    .word 0; .long 0
 *   msg:    .asciz "ready\r\n"
 */
const code = `
  02b0ad1b00000100fe4f51e4000010000000100093001000931010002000
  1000bc93101000be8b001000ac84c07407e823000000ebf466bafd03eca8
  0174f766baf803ec3c1074283c05741e3c14742ce802000000ebdf88c466
  bafd03eca82074f788e066baf803eec3b003e6f4ebc666ba040666b80020
  66efebba0f011d850010000f0b00000000000072656164790d0a00`;

export function echoKernel(): Uint8Array {
  return Uint8Array.from(Buffer.from(code.replace(/\s/g, ''), 'hex'));
}
