/** The follower through what the leader ran as one piece, instruction by instruction, and what to say if they part. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { guestPhysical, type DmaMemory } from '../../emulator/bus/types.ts';
import type { CpuState } from '../../emulator/vcpu/cpuState.ts';
import type { WasmCpu } from '../../emulator/vcpu/wasm/wasmCpu.ts';
import { fieldsOf } from './compareStates.ts';

interface Step {
  readonly rip: bigint;
  readonly bytes: Uint8Array;
  readonly is64: boolean;
  /** Fields that the instruction changed, with their new values. */
  readonly changed: ReadonlyMap<string, string>;
}

const attributesLong = 0x2000;
const shown = 60;

/** Undefined if they agree at the end; else what to print, given the leader's state. */
export function traceRun(
  cpu: WasmCpu,
  memory: DmaMemory,
  count: number,
  agree: () => boolean,
): ((leader: CpuState) => string) | undefined {
  const steps: Step[] = [];
  let fields = fieldsOf(cpu.state());
  const start = fields;
  let failure: unknown;
  for (let i = 0; i < Math.max(1, count); i++) {
    const { rip, bytes, is64 } = instructionAt(cpu, memory);
    try {
      cpu.runExactly(count === 0 ? 0 : 1, i === 0);
    } catch (error) {
      failure = error;
    }
    const now = fieldsOf(cpu.state());
    const changed = new Map([...now].filter(([name, value]) => fields.get(name) !== value));
    steps.push({ rip, bytes, is64, changed });
    fields = now;
    if (failure !== undefined) break;
  }
  if (failure === undefined && agree()) return undefined;
  return (leader) => report(steps, start, fields, fieldsOf(leader), failure);
}

function instructionAt(
  cpu: WasmCpu,
  memory: DmaMemory,
): { rip: bigint; bytes: Uint8Array; is64: boolean } {
  const { registers, segments } = cpu.state();
  const rip = registers.rip as bigint;
  const is64 = (segments.cs.attributes & attributesLong) !== 0;
  const linear = is64 ? rip : (segments.cs.base + rip) & 0xffffffffn;
  const bytes: number[] = [];
  for (let i = 0n; i < 15n; i++) {
    const physical = cpu.translate(linear + i);
    if (physical === undefined) break;
    bytes.push(memory.readU8(guestPhysical(physical)));
  }
  return { rip, bytes: Uint8Array.from(bytes), is64 };
}

/**
 * The first suspect is the first instruction that is the last writer, by the interpreter, of something that differs
 * now. With one instruction in the piece it is that one.
 */
function report(
  steps: readonly Step[],
  start: ReadonlyMap<string, string>,
  follower: ReadonlyMap<string, string>,
  leader: ReadonlyMap<string, string>,
  failure: unknown,
): string {
  const wrong = [...leader].filter(([name, value]) => follower.get(name) !== value);
  const writers = wrong
    .map(([name]) => steps.findLastIndex(({ changed }) => changed.has(name)))
    .filter((at) => at >= 0);
  const suspect = writers.length > 0 ? Math.min(...writers) : steps.length - 1;
  const lines = [
    ...(failure === undefined ? [] : [`the follower: ${(failure as Error).message}`]),
    `translated as one piece: ${steps.length} instructions from ${steps[0]?.rip.toString(16)}`,
    'field: before; translator after; interpreter after',
    ...wrong.map(
      ([name, value]) => `  ${name}: ${start.get(name)}; ${value}; ${follower.get(name)}`,
    ),
    'instructions (* the first that may have differed) with what the interpreter changed:',
  ];
  const from = Math.max(0, suspect - shown / 2);
  steps.slice(from, from + shown).forEach(({ rip, bytes, is64, changed }, i) => {
    const effects = [...changed].filter(([name]) => name !== 'rip').map((one) => one.join('='));
    lines.push(
      `${from + i === suspect ? '*' : ' '} ${rip.toString(16)}: ${disassembled(bytes, is64)}  ${effects.join(' ')}`,
    );
  });
  return lines.join('\n');
}

/** By objdump; without it the bytes. */
function disassembled(bytes: Uint8Array, is64: boolean): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-lockstep-'));
  try {
    const file = path.join(folder, 'code');
    writeFileSync(file, bytes);
    const mode = is64 ? 'i386:x86-64' : 'i386';
    const options = ['-D', '-b', 'binary', '-m', mode, '--insn-width=15', file];
    const listing = execFileSync('objdump', options, { encoding: 'utf8', stdio: 'pipe' });
    return /^\s*0:\s*(.*)$/m.exec(listing)?.[1]?.replace(/\s+/g, ' ') ?? '';
  } catch {
    return Buffer.from(bytes).toString('hex');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
