/** Commands and status bits of the floppy controller (Intel 82077AA data sheet, §5 and §6). */

export const mainStatus = {
  request: 0x80,
  toHost: 0x40,
  programmed: 0x20,
  busy: 0x10,
} as const;

export const st0 = {
  abnormal: 0x40,
  invalid: 0x80,
  /** Ready has changed, as after a reset. */
  polled: 0xc0,
  seekEnd: 0x20,
  equipmentCheck: 0x10,
} as const;

export const st1 = {
  endOfCylinder: 0x80,
  noData: 0x04,
  notWritable: 0x02,
  missingAddress: 0x01,
} as const;

export const st2 = { wrongCylinder: 0x10, badCylinder: 0x02 } as const;

export const st3 = {
  writeProtected: 0x40,
  /** Always set by the 82077AA. */
  ready: 0x20,
  track0: 0x10,
  twoSided: 0x08,
} as const;

export type FloppyCommand =
  | 'readData'
  | 'writeData'
  | 'readTrack'
  | 'verify'
  | 'readId'
  | 'format'
  | 'recalibrate'
  | 'seek'
  | 'relativeSeek'
  | 'senseInterrupt'
  | 'senseDrive'
  | 'specify'
  | 'configure'
  | 'dump'
  | 'version'
  | 'perpendicular'
  | 'lock'
  | 'invalid';

interface Shape {
  readonly name: FloppyCommand;
  /** Bytes of the command, with its code. */
  readonly length: number;
}

/** By the low five bits; the upper ones are MT, MFM, SK and the like, which a command may allow. */
const shapes: Readonly<
  Record<number, readonly [name: FloppyCommand, length: number, upper: number]>
> = {
  0x02: ['readTrack', 9, 0x60],
  0x03: ['specify', 3, 0],
  0x04: ['senseDrive', 2, 0],
  0x05: ['writeData', 9, 0xc0],
  0x06: ['readData', 9, 0xe0],
  0x07: ['recalibrate', 2, 0],
  0x08: ['senseInterrupt', 1, 0],
  // Deleted data: the marks are not kept, so it is like any other.
  0x09: ['writeData', 9, 0xc0],
  0x0a: ['readId', 2, 0x40],
  0x0c: ['readData', 9, 0xe0],
  0x0d: ['format', 6, 0x40],
  0x0e: ['dump', 1, 0],
  0x0f: ['seek', 3, 0],
  0x10: ['version', 1, 0],
  0x12: ['perpendicular', 2, 0],
  0x13: ['configure', 4, 0],
  0x14: ['lock', 1, 0x80],
  0x16: ['verify', 9, 0xe0],
};

export function floppyCommand(code: number): Shape {
  // RELATIVE SEEK is SEEK with bit 7, and bit 6 for the direction.
  if ((code & 0xbf) === 0x8f) return { name: 'relativeSeek', length: 3 };
  const shape = shapes[code & 0x1f];
  if (shape === undefined || (code & 0xe0 & ~shape[2]) !== 0) return { name: 'invalid', length: 1 };
  return { name: shape[0], length: shape[1] };
}
