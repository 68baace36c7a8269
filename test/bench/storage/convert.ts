/**
 * `npm run bench -- --storage`: `guesthouse disk convert` against `qemu-img convert`, whole processes in turn on the same
 * image, raw to QCOW2 and back.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { builtCommand } from '../builtCommand.ts';
import { median } from '../statistics.ts';
import { makeDisk, turns } from './testDisk.ts';

const folder = path.resolve(import.meta.dirname, '../../../.cache/bench/convert');
/** Milliseconds. */
function run(command: string, args: readonly string[]): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return performance.now() - began;
}

function writeZeroes(file: string, mebibytes: number): void {
  const handle = openSync(file, 'w');
  const part = new Uint8Array(2 << 20);
  for (let at = 0; at < mebibytes; at += 2) writeSync(handle, part);
  closeSync(handle);
}

/** `pairs` runs of each, in turn, of a disk of `mebibytes`; one run of each before is not counted. */
export function benchConvert(pairs: number, mebibytes: number): void {
  mkdirSync(folder, { recursive: true });
  const raw = path.join(folder, `disk-${mebibytes}.raw`);
  if (!existsSync(raw)) makeDisk(raw, mebibytes, turns);
  const qcow2 = path.join(folder, `disk-${mebibytes}.qcow2`);
  rmSync(qcow2, { force: true });
  run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2]);
  const target = path.join(folder, 'target');
  /**
   * Where this host is a virtual machine itself, a page that it uses for the first time takes its own host some microseconds, more
   * than all else of a copy. So each run finds as many pages as it will want that were used just before, whoever ran then.
   */
  const prepare = (): void => {
    const before = path.join(folder, 'before');
    writeZeroes(before, mebibytes);
    rmSync(before);
    rmSync(target, { force: true });
    // What the run before left to be written would slow this one.
    spawnSync('sync', ['-f', folder]);
  };
  const command = builtCommand();
  const rivals = {
    ours: (from: string, to: string): number =>
      run(process.execPath, [command, 'disk', 'convert', '-O', to, from, target]),
    'ours, not flushed': (from: string, to: string): number =>
      run(process.execPath, [command, 'disk', 'convert', '--no-flush', '-O', to, from, target]),
    'qemu-img': (from: string, to: string): number =>
      run('qemu-img', ['convert', '-O', to, from, target]),
    'qemu-img, flushed': (from: string, to: string): number =>
      run('qemu-img', ['convert', '-t', 'writeback', '-O', to, from, target]),
  };
  const names = Object.keys(rivals) as (keyof typeof rivals)[];
  process.stdout.write(
    `\ndisk convert of ${mebibytes} MiB, medians of ${pairs} runs in turn, ms; in brackets, ours ÷ theirs, both flushed or both not (median of pairs)\n` +
      `${['', ...names].map((name) => name.padStart(24)).join('')}\n`,
  );
  for (const [from, to] of [
    [raw, 'qcow2'],
    [qcow2, 'raw'],
    [raw, 'raw'],
  ] as const) {
    const times = names.map((): number[] => []);
    for (let pair = -1; pair < pairs; pair++)
      for (const [i, name] of names.entries()) {
        prepare();
        const taken = rivals[name](from, to);
        if (pair >= 0) times[i]!.push(taken);
      }
    const [flushed = [], unflushed = []] = times;
    const ownOf = { 'qemu-img': unflushed, 'qemu-img, flushed': flushed } as const;
    const cells = names.map((name, i) => {
      const list = times[i]!;
      if (!(name in ownOf)) return median(list).toFixed(0).padStart(24);
      const own = ownOf[name as keyof typeof ownOf];
      const ratio = median(own.map((value, pair) => value / list[pair]!));
      return `${median(list).toFixed(0)} (${ratio.toFixed(2)})`.padStart(24);
    });
    const name = `${from === raw ? 'raw' : 'qcow2'} → ${to}`;
    process.stdout.write(`${name.padStart(24)}${cells.join('')}\n`);
  }
  rmSync(target, { force: true });
}

if (import.meta.main) benchConvert(Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 1024));
