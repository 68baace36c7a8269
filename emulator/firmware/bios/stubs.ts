/** The machine code of the ROMs: the trap with a frame, and handlers of hardware interrupts. */
import type { Assembler16 } from './assembler16.ts';
import { trapPorts } from './trapPorts.ts';

/** Where a soft-off is written: the power management control register and its value. */
export interface PowerOffPort {
  readonly port: number;
  readonly value: number;
}

/** `trap`: entered with FLAGS, CS, IP and the vector on the stack; ends with IRET. */
export function trapStub(a: Assembler16, port: number): void {
  a.label('trap');
  a.bytes(0x66, 0x60, 0x1e, 0x06, 0xfc); // pushad; push ds; push es; cld
  a.bytes(0xba).word(port + trapPorts.start); // mov dx,start
  a.label('trapAgain');
  a.bytes(0x8c, 0xd0, 0x66, 0xc1, 0xe0, 0x10, 0x89, 0xe0); // mov ax,ss; shl eax,16; mov ax,sp
  a.bytes(0x66, 0xef, 0xec, 0x84, 0xc0); // out dx,eax; in al,dx; test al,al
  a.short(0x74, 'trapDone');
  // Interrupts are served here; the poll lets the CPU rest until one comes or the service is done.
  a.bytes(0xba).word(port + trapPorts.poll); // mov dx,poll
  // They may trap as well, so none may come between the poll and the reading of its answer.
  a.bytes(0xfb, 0x90, 0xfa).short(0xeb, 'trapAgain'); // sti; nop; cli; jmp
  a.label('trapDone');
  a.bytes(0x07, 0x1f, 0x66, 0x61, 0x83, 0xc4, 0x02, 0xcf); // pop es; pop ds; popad; add sp,2; iret
}

/** Calls the initialisation of the video ROM at C000:0003 if there is one (PCI 3.0 §6.3.3). */
export function optionRomStub(a: Assembler16): void {
  a.bytes(0xb8, 0x00, 0xc0, 0x8e, 0xd8); // mov ax,c000h; mov ds,ax
  a.bytes(0x81, 0x3e, 0x00, 0x00, 0x55, 0xaa).short(0x75, 'noVideoRom'); // cmp word [0],aa55h
  a.bytes(0x9a).word(3).word(0xc000); // call c000:0003
  a.label('noVideoRom');
}

/** IRQ0 to IRQ15 come as INT 08h..0Fh and 70h..77h. */
export const hardwareVectors: readonly number[] = [
  0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77,
];

const pushAll = [0x66, 0x60, 0x1e, 0x06, 0xfc]; // pushad; push ds; push es; cld
const popAllAndReturn = [0x07, 0x1f, 0x66, 0x61, 0xcf]; // pop es; pop ds; popad; iret
const endMaster = [0xb0, 0x20, 0xe6, 0x20]; // mov al,20h; out 20h,al
const endSlave = [0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20]; // mov al,20h; out a0h,al; out 20h,al

export function hardwareInterrupts(a: Assembler16, port: number): void {
  const event = (vector: number): void => {
    a.bytes(0xba).word(port + trapPorts.event); // mov dx,event
    a.bytes(0xb0, vector, 0xee); // mov al,vector; out dx,al
  };
  a.label('int8').bytes(...pushAll);
  event(0x08);
  a.bytes(0xcd, 0x1c, 0xfa, ...endMaster, ...popAllAndReturn); // int 1ch; cli

  a.label('int9').bytes(...pushAll, 0xe4, 0x60); // in al,60h
  a.bytes(0xb4, 0x4f, 0xf9, 0xcd, 0x15).short(0x73, 'keyDone'); // mov ah,4fh; stc; int 15h; jnc
  a.bytes(0x88, 0xc4, 0xb0, 0x09, 0xba).word(port + trapPorts.event); // mov ah,al; mov al,9; mov dx
  a.bytes(0xef, 0xed, 0x85, 0xc0).short(0x74, 'keyDone'); // out dx,ax; in ax,dx; test ax,ax; jz
  a.bytes(...endMaster, 0xcd, 0x1b, ...popAllAndReturn); // Ctrl-Break: int 1bh
  a.label('keyDone').bytes(...endMaster, ...popAllAndReturn);

  a.label('int112').bytes(...pushAll); // RTC: INT 4Ah when the alarm has come
  event(0x70);
  a.bytes(0xed, 0x85, 0xc0).short(0x74, 'noAlarm').bytes(0xcd, 0x4a).label('noAlarm');
  a.bytes(0xfa, ...endSlave, ...popAllAndReturn);

  a.label('int116').bytes(...pushAll); // mouse: a packet goes to the handler of INT 15h C207h
  event(0x74);
  a.bytes(0xed, 0x85, 0xc0).short(0x74, 'noPacket'); // in ax,dx; test ax,ax; jz
  for (let i = 0; i < 4; i++) a.bytes(0xed, 0x50); // in ax,dx; push ax: status, x, y, z
  a.bytes(0x66, 0xed).near(0xe8, 'callMouse'); // in eax,dx
  a.bytes(0x83, 0xc4, 0x08); // add sp,8
  a.label('noPacket').bytes(0xfa, ...endSlave, ...popAllAndReturn);
  // The near call has pushed IP; a far return needs CS above it.
  a.label('callMouse').bytes(0x5b, 0x0e, 0x53, 0x66, 0x50, 0xcb); // pop bx; push cs; push bx; push eax; retf

  a.label('int14').bytes(...pushAll); // floppy controller: its flag in the BIOS data area
  event(0x0e);
  a.bytes(...endMaster, ...popAllAndReturn);

  const others = hardwareVectors.filter((v) => ![0x08, 0x09, 0x0e, 0x70, 0x74].includes(v));
  for (const vector of others.filter((v) => v < 0x70)) a.label(`int${vector}`);
  a.bytes(0x50, ...endMaster, 0x58, 0xcf); // push ax; …; pop ax; iret
  for (const vector of others.filter((v) => v >= 0x70)) a.label(`int${vector}`);
  a.bytes(0x50, ...endSlave, 0x58, 0xcf);
}

/**
 * APM in protected mode needs no frame: SET POWER STATE (07h) of all devices to off (3) is all that does
 * anything, and GET PM EVENT (0Bh) has none. `operand16` is the prefix for 16-bit operands.
 */
export function apmEntry(
  a: Assembler16,
  label: string,
  operand16: readonly number[],
  { port, value }: PowerOffPort,
): void {
  a.label(label).bytes(0x3c, 0x0b).short(0x75, `${label}Not0b`); // cmp al,0bh; jne
  a.bytes(0xb4, 0x80, 0xf9, 0xcb); // mov ah,80h; stc; retf
  a.label(`${label}Not0b`).bytes(0x3c, 0x07).short(0x75, `${label}Done`); // cmp al,7; jne
  a.bytes(0x80, 0xf9, 0x03).short(0x75, `${label}Done`); // cmp cl,3; jne
  a.bytes(...operand16, 0xba).word(port); // mov dx,port
  a.bytes(...operand16, 0xb8).word(value); // mov ax,value
  a.bytes(...operand16, 0xef); // out dx,ax
  a.label(`${label}Done`).bytes(0xf8, 0xcb); // clc; retf
}
