/** What every x87 instruction begins with, inline: #NM and #MF, the instruction's and its operand's address. */
import type { V128, Val } from '../isa/dsl.ts';
import {
  MODE_EM,
  MODE_TS,
  OFF_FPU_FDP,
  OFF_FPU_FIP,
  OFF_FPU_STATUS,
  OFF_MODE,
} from '../cpu/layout.ts';
import type { RegionFrame } from './regionFrame.ts';
import { Op } from './wasmOpcodes.ts';

/** FSW.ES: an unmasked exception waits. */
const errorSummary = 0x80;

/** Emits the helper if it is one of these. */
export function x87Inline(f: RegionFrame, name: string, args: readonly (Val | V128)[]): boolean {
  const { b, cpu } = f;
  const note = (offset: number, value: Val | V128): void => {
    b.i32(0);
    b.push64(value as Val);
    b.memory(Op.i64Store, cpu + offset);
  };
  switch (name) {
    case 'x87Check':
      b.i32(0);
      b.memory(Op.i32Load, cpu + OFF_FPU_STATUS);
      b.i32(errorSummary);
      b.integer('and', 32);
      b.i32(0);
      b.memory(Op.i32Load, cpu + OFF_MODE);
      b.i32(MODE_TS | MODE_EM);
      b.integer('and', 32);
      b.integer('or', 32);
      f.if(false);
      // The interpreter's handler raises the right one, or goes on.
      b.call(f.core('interpretInstead'));
      f.exitFault();
      f.endIf();
      return true;
    case 'x87Note':
      note(OFF_FPU_FIP, args[0]!);
      return true;
    case 'x87NoteMemory':
      note(OFF_FPU_FIP, args[0]!);
      note(OFF_FPU_FDP, args[1]!);
      return true;
  }
  return false;
}
