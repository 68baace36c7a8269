/**
 * How the ROM's stubs reach the services. A stub pushes the vector and all registers and writes
 * SS:SP to `start`; the service works on that frame in guest memory, so it needs nothing of the CPU and
 * runs the same on every engine. A read gives 0 when the service is done; else the stub opens
 * interrupts and writes SS:SP to `poll` until it is. Interrupt handlers that need no frame
 * write their vector to `event` and read words of answer from there.
 */
export const trapPorts = { start: 0, poll: 4, event: 8 } as const;
export const trapPortCount = 12;

/** Offsets in the frame: what the stubs push, in reverse. */
export const frameOffsets = {
  es: 0,
  ds: 2,
  edi: 4,
  esi: 8,
  ebp: 12,
  ebx: 20,
  edx: 24,
  ecx: 28,
  eax: 32,
  vector: 36,
  ip: 38,
  cs: 40,
  flags: 42,
  /** Of a far call's arguments, behind the address that it returns to (pxe/pxeRom.ts). */
  farArguments: 48,
} as const;

/** Vectors of the stubs that are no INT: above any interrupt's. */
export const trapVectors = { post: 0x100, videoRom: 0x101, pxe: 0x102, pxenv: 0x103 } as const;
