/**
 * How many instructions each row of the benchmark kernel executes: one run with the counted
 * clock, under which the time-stamp counter advances with retired instructions.
 */
import { guesthouse, timeRows, type Bits } from './contenders.ts';

/** Ticks of the time-stamp counter an instruction takes under `--clock counted`. */
const ticksPerInstruction = 10;

/** Rows in which one instruction does all the work are counted by what it does: bytes moved. */
const work: Readonly<Record<string, number>> = { movsb: 100 * 65536 };

export async function countInstructions(kernel: string, bits: Bits): Promise<Map<string, number>> {
  const counted = guesthouse('interpreter', '--clock', 'counted');
  const { ticks } = await timeRows(counted, kernel, bits);
  return new Map(
    [...ticks].map(([row, list]) => [row, work[row] ?? list[0]! / ticksPerInstruction]),
  );
}
