/**
 * `npm run bench -- --guests boot,shell,shell32 [--runs N]`: Linux guests on this project's engine and its rivals, alternating on
 * the same machine with the same files. boot: start of the process to its end; shell: commands in the guest, timed from
 * outside by markers on its serial port, against TCG; shell32: the same with an i386 kernel, against v86.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { doneMarker } from '../guests/busyboxInitramfs.ts';
import { guesthouseGuest, qemuGuest, v86Guest, type GuestContender } from './guestContenders.ts';
import type { LinuxGuest } from './guestContenders.ts';
import { bootGuest, shellGuest, shellRows } from './guestWorkloads.ts';
import { geometricMean, median } from './statistics.ts';

/** By the host's clock, and of the CPU time of the process's busiest thread, which runs the guest: what a busy host leaves right. */
interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
}

interface GuestRun {
  /** Start of the process to its end. */
  readonly whole: Taken;
  /** Row → what it took between its markers. */
  readonly rows: ReadonlyMap<string, Taken>;
}

/** Milliseconds of CPU time of each thread of a process (proc(5), schedstat); empty when it has ended. */
function threadTimes(pid: number): Map<string, number> {
  const times = new Map<string, number>();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1');
      times.set(thread, Number(text.split(' ')[0]) / 1e6);
    }
  } catch {
    // A thread or the process has ended meanwhile.
  }
  return times;
}

function since(start: Moment, end: Moment): Taken {
  const used = [...end.threads].map(([thread, ms]) => ms - (start.threads.get(thread) ?? 0));
  return { wallMs: Math.max(0.1, end.at - start.at), cpuMs: Math.max(0.1, ...used) };
}

interface Moment {
  readonly at: number;
  readonly threads: ReadonlyMap<string, number>;
}

const limitSeconds = 900;

/** Runs a guest once. Rejects if it does not say that it is done, with status 0. */
async function runGuest(contender: GuestContender, guest: LinuxGuest): Promise<GuestRun> {
  const [command, args] = contender.command(guest);
  const began: Moment = { at: performance.now(), threads: new Map() };
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const now = (): Moment => ({ at: performance.now(), threads: threadTimes(child.pid ?? 0) });
  const rows = new Map<string, Taken>();
  const started = new Map<string, Moment>();
  let rest = '';
  let last = '';
  let done = false;
  let latest = began;
  child.stdout.on('data', (chunk: Buffer) => {
    latest = now();
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith(`${doneMarker} 0`)) done = true;
      last = line;
      const [, name, mark] = /^ROW (\w+) ([SE])/.exec(line) ?? [];
      if (name === undefined) continue;
      if (mark === 'S') started.set(name, latest);
      else rows.set(name, since(started.get(name) ?? latest, latest));
    }
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitSeconds * 1000);
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  clearTimeout(timer);
  if (!done) throw new Error(`${contender.name} did not finish; its last line: ${last}`);
  // CPU time up to the guest's last line, "Power down": of a process that has ended there is none.
  const { cpuMs } = since(began, latest);
  return { whole: { wallMs: performance.now() - began.at, cpuMs }, rows };
}

/** All runs of each contender, in turn; the first is ours. */
async function alternate(
  contenders: readonly GuestContender[],
  guest: LinuxGuest,
  runs: number,
): Promise<GuestRun[][]> {
  const results = contenders.map((): GuestRun[] => []);
  // Not counted: what caches of files and of compiled code hold afterwards is what later runs find.
  for (const one of contenders) await runGuest(one, guest);
  for (let run = 0; run < runs; run++)
    for (const [i, one] of contenders.entries()) results[i]!.push(await runGuest(one, guest));
  return results;
}

/** Milliseconds of a row in each contender, and how many times as fast the first one is. */
function print(names: readonly string[], table: readonly (readonly [string, number[]])[]): void {
  const cell = (text: string): string => text.padStart(20);
  const line = (name: string, cells: readonly string[]): string =>
    `${[name.padEnd(8), ...cells.map(cell)].join(' ')}\n`;
  process.stdout.write(line('ms', names));
  const ratios: number[][] = names.slice(1).map(() => []);
  for (const [row, [own = NaN, ...theirs]] of table) {
    theirs.forEach((value, i) => ratios[i]!.push(value / own));
    const cells = theirs.map((value) => `${value.toFixed(0)} (${(value / own).toFixed(2)}x)`);
    process.stdout.write(line(row, [own.toFixed(0), ...cells]));
  }
  const means = ratios.map((list) => `(${geometricMean(list).toFixed(2)}x)`);
  if (table.length > 1) process.stdout.write(line('mean', ['', ...means]));
}

async function bench(
  title: string,
  contenders: readonly GuestContender[],
  guest: LinuxGuest,
  runs: number,
): Promise<void> {
  const results = await alternate(contenders, guest, runs);
  process.stdout.write(
    `\n${title}: medians of ${runs} runs, ms; in brackets, how many times as fast we are\n`,
  );
  const names = contenders.map(({ name }) => name);
  const taken = (run: GuestRun, row: string): Taken | undefined =>
    row === 'whole' ? run.whole : run.rows.get(row);
  const first = results[0]![0]!;
  const rows = first.rows.size === 0 ? ['whole'] : Object.keys(shellRows);
  for (const unit of ['wallMs', 'cpuMs'] as const) {
    process.stdout.write(unit === 'wallMs' ? 'by the clock\n' : "the busiest thread's CPU time\n");
    const value = (row: string) => (list: readonly GuestRun[]) =>
      median(list.map((run) => taken(run, row)?.[unit] ?? NaN));
    print(
      names,
      rows.map((row): [string, number[]] => [row, results.map(value(row))]),
    );
  }
}

/** `compare`: options of `guesthouse run`, separated by commas, of further runs of ours: "--cpu-model,host-like". */
export async function benchGuests(
  which: readonly string[],
  runs: number,
  compare: readonly string[],
): Promise<void> {
  const ours = guesthouseGuest();
  const others = compare.map((options) => guesthouseGuest(...options.split(',')));
  for (const name of which) {
    if (name === 'boot') {
      await bench('boot to power-off', [ours, ...others, qemuGuest], await bootGuest(), runs);
    } else if (name === 'shell') {
      const guest = await shellGuest('cloud-amd64');
      await bench('shell, 64-bit kernel', [ours, ...others, qemuGuest], guest, runs);
    } else if (name === 'shell32') {
      const guest = await shellGuest('686');
      await bench('shell, i386 kernel', [ours, ...others, v86Guest], guest, runs);
    } else throw new Error(`--guests takes boot, shell and shell32, not "${name}"`);
  }
}
