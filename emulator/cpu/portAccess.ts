/** Port I/O and its permission: IOPL and the TSS's I/O bitmap (SDM 1 §19.5.2). */
import { notePortAccess } from './debugRegisters';
import { raiseWithCode } from './exceptions';
import { hostPortRead, hostPortWrite } from './host';
import {
  FLAG_IOPL,
  MODE_PROTECTED,
  MODE_V86,
  OFF_COUNT_PORT,
  OFF_RFLAGS,
  TR,
  VECTOR_GP,
} from './layout';
import { readSystem } from './memorySlow';
import { CPU, cpl, faulted, mode, segmentAttributes, segmentBase, segmentLimit } from './state';

/** Raises #GP(0) if the program may not use the port. Comes before anything else of IN, OUT, INS, OUTS. */
export function checkPort(port: u32, size: u32): void {
  const bits = mode();
  if (!(bits & (MODE_PROTECTED | MODE_V86))) return;
  const iopl = <u32>(load<u64>(CPU, OFF_RFLAGS) & FLAG_IOPL) >> 12;
  if (!(bits & MODE_V86) && cpl() <= iopl) return;
  port &= 0xffff;
  // Only 32- and 64-bit TSSs have a bitmap.
  if (segmentAttributes(TR) & 8 && segmentLimit(TR) >= 103) {
    const start = <u32>readSystem(segmentBase(TR) + 102, 2);
    if (faulted()) return;
    const at = start + (port >> 3);
    if (at + 1 <= segmentLimit(TR)) {
      const map = <u32>readSystem(segmentBase(TR) + at, 2);
      if (faulted()) return;
      if (((map >> (port & 7)) & ((1 << size) - 1)) == 0) return;
    }
  }
  raiseWithCode(VECTOR_GP, 0);
}

function count(): void {
  store<u32>(CPU, load<u32>(CPU, OFF_COUNT_PORT) + 1, OFF_COUNT_PORT);
}

/** Reads a port; the permission has been checked. */
export function portIn(port: u32, size: u32): u32 {
  count();
  notePortAccess(port & 0xffff, size);
  const value = hostPortRead(port & 0xffff, size);
  return size == 1 ? value & 0xff : size == 2 ? value & 0xffff : value;
}

export function portOut(port: u32, size: u32, value: u32): void {
  count();
  notePortAccess(port & 0xffff, size);
  hostPortWrite(port & 0xffff, size, value);
}
