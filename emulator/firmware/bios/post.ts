/** What happens between reset and the first boot attempt: vectors, data area, chips. */
import type { BiosContext } from './biosContext.ts';
import { outb, readCmos } from './biosContext.ts';
import { bda, biosDataStart, extendedDataSegment, extendedDataStart } from './biosData.ts';
import type { Disks } from './disks.ts';
import { Keyboard, startKeyboardController } from './keyboard.ts';
import { hardwareVectors } from './stubs.ts';
import { entryPoints, systemRomSegment, trappedInterrupts, type SystemRom } from './systemRom.ts';
import { setTicksFromClock } from './time.ts';

export function powerOnSelfTest(context: BiosContext, rom: SystemRom, disks: Disks): 'done' {
  const { memory } = context;
  memory.write(0, new Uint8Array(0x600));
  memory.write(extendedDataStart, new Uint8Array(0x400));
  memory.write8(extendedDataStart, 1);
  vectors(context, rom);
  dataArea(context, disks);
  interruptControllers(context);
  timer(context);
  readCmos(context, 0x0c);
  setTicksFromClock(context);
  startKeyboardController(context);
  return 'done';
}

function vectors({ memory }: BiosContext, rom: SystemRom): void {
  const set = (vector: number, offset: number): void =>
    memory.write32(vector * 4, systemRomSegment * 0x10000 + offset);
  for (let vector = 0; vector < 0x78; vector++) set(vector, entryPoints.iret);
  for (const vector of [...trappedInterrupts, ...hardwareVectors]) set(vector, rom.handler(vector));
  set(0x1e, entryPoints.disketteParameters);
  for (const vector of [0x1d, 0x41, 0x46]) memory.write32(vector * 4, 0);
  // 60h to 67h are the user's: empty.
  for (let vector = 0x60; vector < 0x68; vector++) memory.write32(vector * 4, 0);
}

function dataArea(context: BiosContext, disks: Disks): void {
  const { data, memory, parts } = context;
  parts.comPorts.slice(0, 4).forEach((port, i) => data.set16(bda.comPorts + 2 * i, port));
  for (let i = 0; i < 4; i++) memory.write8(biosDataStart + bda.comTimeouts + i, 10);
  const floppies = disks.count('floppy');
  // Coprocessor, mouse, 80x25 colour, floppies, serial ports.
  data.set16(
    bda.equipment,
    0x0026 |
      (floppies > 0 ? 0x0001 | ((floppies - 1) << 6) : 0) |
      (Math.min(parts.comPorts.length, 4) << 9),
  );
  data.set16(bda.extendedSegment, extendedDataSegment);
  data.set16(bda.memoryKiB, extendedDataStart / 1024);
  data.set8(bda.diskCount, disks.count('hdd'));
  new Keyboard(context).reset();
}

/** Edge triggered, IRQ0 at INT 08h and IRQ8 at INT 70h (8259A data sheet). PCI's level bits are the board's. */
function interruptControllers(context: BiosContext): void {
  const initialize = (port: number, base: number, cascade: number, mask: number): void => {
    outb(context, port, 0x11);
    for (const value of [base, cascade, 0x01, mask]) outb(context, port + 1, value);
  };
  // Timer, keyboard, cascade, floppy; clock, mouse, disks.
  initialize(0x20, 0x08, 0x04, 0xb8);
  initialize(0xa0, 0x70, 0x02, 0x8e);
}

/** 18.2 ticks a second on counter 0, and the speaker's counter quiet. */
function timer(context: BiosContext): void {
  outb(context, 0x43, 0x34);
  outb(context, 0x40, 0);
  outb(context, 0x40, 0);
}
