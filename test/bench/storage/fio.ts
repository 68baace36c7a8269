/**
 * fio (this host's Debian package) in a Linux guest on a virtio disk, on this project's translator and QEMU TCG in turn: the
 * same kernel, initramfs and raw image. Rows are sequential and random reads and writes, direct, 16 in flight.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { doneMarker, busyboxInitramfs } from '../../guests/busyboxInitramfs.ts';
import { debianKernel } from '../../guests/debianKernel.ts';
import { guesthouseGuest, qemuGuest, type LinuxGuest } from '../guestContenders.ts';
import { geometricMean, median } from '../statistics.ts';
import { makeDisk } from './testDisk.ts';

const folder = path.resolve(import.meta.dirname, '../../../.cache/bench');
const program = '/usr/bin/fio';
const inGuest = '/bin/ld-linux-x86-64.so.2 --library-path /bin /bin/fio';
const mebibytes = 512;

/** Row → what fio is asked for. */
const rows: Readonly<Record<string, string>> = {
  'seq read': '--rw=read --bs=128k',
  'seq write': '--rw=write --bs=128k',
  'rand read': '--rw=randread --bs=4k',
  'rand write': '--rw=randwrite --bs=4k',
};

/** fio, its loader and libraries, all in /bin, which is there. */
function fioFiles(): Record<string, Uint8Array> {
  if (!existsSync(program))
    throw new Error(`${program} is not there: install Debian's package fio for this bench`);
  const libraries = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  return Object.fromEntries(
    [program, ...libraries].map((file) => [
      `/bin/${path.basename(file)}`,
      readFileSync(realpathSync(file)),
    ]),
  );
}

async function fioGuest(
  seconds: number,
  warmUp: number,
  only: readonly string[],
): Promise<LinuxGuest> {
  const common = `--name=row --filename=/dev/vda --size=${mebibytes}m --direct=1 --ioengine=libaio --iodepth=16 --thread --gtod_reduce=1 --time_based --runtime=${seconds} --ramp_time=${warmUp} --output-format=terse --terse-version=3`;
  const kernel = await debianKernel('cloud-amd64');
  // fio(1), terse output: bandwidth of reads is field 7, of writes field 48. The whole line is long for a serial line.
  const script = Object.entries(rows)
    .filter(([row]) => only.includes(row))
    .map(
      ([row, options]) =>
        `echo "ROW;${row};$(${inGuest} ${common} ${options} | tail -n 1 | cut -d ";" -f 7,48)"`,
    )
    .join('\n');
  return {
    ...{ bits: 64, kernel: kernel.image, commandLine: 'console=ttyS0 quiet', memoryMiB: 768 },
    initrd: await busyboxInitramfs(kernel, {
      script: `stty -onlcr cols 2000 2>/dev/null\n${script}\n`,
      modules: ['virtio_pci', 'virtio_blk'],
      files: fioFiles(),
    }),
  };
}

/** Row → kibibytes a second. */
async function run(command: string, args: readonly string[]): Promise<Map<string, number>> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const timer = setTimeout(() => child.kill('SIGKILL'), 300_000);
  await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  if (!text.includes(`${doneMarker} 0`)) throw new Error(`${command}: ${text.slice(-2000)}`);
  const result = new Map<string, number>();
  for (const [, row = '', reads, writes] of text.matchAll(/^ROW;([^;]+);(\d+);(\d+)\r?$/gm))
    result.set(row, Number(reads) + Number(writes));
  return result;
}

function of(run: ReadonlyMap<string, number>, row: string): number {
  const speed = run.get(row);
  if (speed === undefined) throw new Error(`fio has said nothing of the row "${row}"`);
  return speed;
}

/** `pairs` runs of each, in turn; each row for `warmUp` seconds that do not count and then for `seconds`. */
export async function benchFio(
  pairs: number,
  { seconds = 10, warmUp = 10, only = Object.keys(rows) } = {},
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const image = path.join(folder, `fio-${mebibytes}.raw`);
  if (!existsSync(image)) makeDisk(image, mebibytes, ['random']);
  const guest = await fioGuest(seconds, warmUp, only);
  const drive = `file=${image},format=raw,if=none,id=disk,cache=writeback,discard=unmap`;
  const contenders = [
    guesthouseGuest('--disk', `${image},format=raw`).command(guest),
    qemuGuest.command(guest),
  ] as const;
  contenders[1][1].push('-drive', drive, '-device', 'virtio-blk-pci,drive=disk');
  const taken = contenders.map((): Map<string, number>[] => []);
  for (let pair = 0; pair < pairs; pair++)
    for (const [i, [command, args]] of contenders.entries())
      taken[i]!.push(await run(command, args));
  process.stdout.write(
    `\nfio in a guest, virtio-blk, medians of ${pairs} runs in turn, MiB/s; ratio: median of pairs, ours ÷ TCG's\n`,
  );
  const ratios: number[] = [];
  for (const row of only) {
    const [ours = [], theirs = []] = taken.map((list) => list.map((one) => of(one, row) / 1024));
    const ratio = median(ours.map((value, pair) => value / theirs[pair]!));
    ratios.push(ratio);
    const cells = [median(ours), median(theirs)].map((value) => value.toFixed(1).padStart(12));
    process.stdout.write(`${row.padEnd(12)}${cells.join('')}${ratio.toFixed(2).padStart(8)}\n`);
  }
  process.stdout.write(`${'mean'.padEnd(36)}${geometricMean(ratios).toFixed(2).padStart(8)}\n`);
}

if (import.meta.main) {
  const [pairs = '1', seconds = '10', warmUp = '10', ...only] = process.argv.slice(2);
  const times = { seconds: Number(seconds), warmUp: Number(warmUp) };
  await benchFio(Number(pairs), only.length === 0 ? times : { ...times, only });
}
