/** The programs that run the benchmark kernel, and the timing of its rows by the host's clock. */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { builtCommand } from './builtCommand.ts';

export type Bits = 32 | 64;

export interface Contender {
  readonly name: string;
  readonly bits: readonly Bits[];
  command(kernel: string, bits: Bits): [string, string[]];
}

const here = import.meta.dirname;

export function guesthouse(engine: 'interpreter' | 'translator', ...extra: string[]): Contender {
  return {
    name: `Guesthouse ${engine}`,
    bits: [32, 64],
    command: (kernel) => [
      process.execPath,
      [
        ...[builtCommand(), 'run', '--kernel', kernel, '--memory', '128'],
        ...['--engine', engine, '--debug-exit', ...extra],
      ],
    ],
  };
}

export const qemuTcg: Contender = {
  name: 'QEMU TCG',
  bits: [32, 64],
  command: (kernel, bits) => [
    bits === 64 ? 'qemu-system-x86_64' : 'qemu-system-i386',
    [
      ...['-accel', 'tcg,thread=single', '-cpu', 'max', '-m', '128', '-kernel', kernel],
      ...['-display', 'none', '-serial', 'stdio', '-no-reboot'],
      ...['-device', 'isa-debug-exit,iobase=0xf4'],
    ],
  ],
};

export function v86(mode: 'jit' | 'interpreter'): Contender {
  return {
    name: mode === 'jit' ? 'v86' : 'v86 interpreter',
    bits: [32],
    command: (kernel) => [
      process.execPath,
      [path.join(here, 'v86Runner.ts'), kernel, ...(mode === 'jit' ? [] : ['--interpreter'])],
    ],
  };
}

export interface RowTimes {
  /** Row name → host milliseconds of each of its rounds. */
  readonly milliseconds: Map<string, number[]>;
  /** Row name → CPU milliseconds of the thread that was busiest in each round: what a shared machine tells. */
  readonly busy: Map<string, number[]>;
  /** Row name → time-stamp counter ticks of each round, as the guest read them. */
  readonly ticks: Map<string, number[]>;
}

/** Runs the kernel once. Rejects when the last line does not come within `limitSeconds`. */
export async function timeRows(
  contender: Contender,
  kernel: string,
  bits: Bits,
  limitSeconds = 600,
): Promise<RowTimes> {
  const [command, args] = contender.command(kernel, bits);
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const result: RowTimes = { milliseconds: new Map(), busy: new Map(), ticks: new Map() };
  const started = new Map<string, { at: number; tick: bigint; busy: Map<string, number> }>();
  let rest = '';
  let done = false;
  child.stdout.on('data', (chunk: Buffer) => {
    const at = performance.now();
    const busy = cpuTimes(child.pid ?? 0);
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, name, mark, hex] = /(\w+) ([SE]) ([0-9a-f]{16})/.exec(line) ?? [];
      if (name === undefined) continue;
      const tick = BigInt(`0x${hex}`);
      const start = started.get(name);
      if (mark === 'S') started.set(name, { at, tick, busy });
      else if (name === 'done') done = true;
      else if (start) {
        // Both marks may come in one read: then less than the clock of the pipe tells.
        push(result.milliseconds, name, Math.max(at - start.at, 0.1));
        const used = [...busy].map(([thread, ms]) => ms - (start.busy.get(thread) ?? 0));
        push(result.busy, name, Math.max(...used, 0.1));
        push(result.ticks, name, Number(tick - start.tick));
      }
    }
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * 1000);
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  clearTimeout(timer);
  if (!done) throw new Error(`${contender.name} did not finish ${path.basename(kernel)}.`);
  return result;
}

/** Milliseconds on a CPU of each thread of a process (Linux, proc(5)). */
function cpuTimes(pid: number): Map<string, number> {
  const folder = `/proc/${pid}/task`;
  try {
    return new Map(
      readdirSync(folder).map((thread) => [
        thread,
        Number(readFileSync(`${folder}/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1e6,
      ]),
    );
  } catch {
    // It ended meanwhile.
    return new Map();
  }
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
