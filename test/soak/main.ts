/**
 * Memory over time: node test/soak/main.ts --minutes 10      mixed work in a Debian guest
 *                   node test/soak/main.ts --churn SECONDS   a guest that does nothing but write and run code
 * Prints samples; exit code 1 if memory still grows after the first third.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { busyboxInitramfs, defaultModules } from '../guests/busyboxInitramfs.ts';
import { debianKernel } from '../guests/debianKernel.ts';
import { makeExt4Disk } from '../guests/ext4Disk.ts';
import { GuestConsole } from '../guests/guestConsole.ts';
import { churnCode } from './codeChurn.ts';
import { growth, type MemorySample } from './memorySample.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, churn: { type: 'string' } },
});

/** Compute, forks, disk, modules coming and going, programs at new places. */
const round = `
i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done
dd if=/dev/urandom of=/tmp/data bs=64k count=16 2>/dev/null
gzip -c /tmp/data | gunzip | sha256sum >/dev/null; md5sum /tmp/data >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; ls -l /proc >/dev/null; done
seq 3000 | sort -r | awk '{s+=$1} END {print s}' >/dev/null
cp /tmp/data /mnt/data; sync; rm /mnt/data; echo 3 >/proc/sys/vm/drop_caches
cp /bin/busybox /tmp/other; /tmp/other seq 500 | /tmp/other sort | /tmp/other tail -1 >/dev/null; rm /tmp/other
insmod /modules/xor.ko; rmmod xor; insmod /modules/serpent_generic.ko; rmmod serpent_generic
`;

async function debian(minutes: number): Promise<MemorySample[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-soak-'));
  try {
    const disk = path.join(folder, 'disk.img');
    await makeExt4Disk(disk, { sizeMiB: 64 });
    const kernel = await debianKernel('cloud-amd64');
    const modules = [...defaultModules, 'xor', 'serpent_generic'];
    const initrd = await busyboxInitramfs(kernel, { modules, files: { round } });
    process.env['NODE_OPTIONS'] =
      `--import=${path.resolve(import.meta.dirname, 'reportMemory.ts')}`;
    await using guest = new GuestConsole([
      ...['--kernel', kernel.image, '--initrd', initrd, '--disk', disk, '--memory', '256'],
      ...['--append', 'console=ttyS0 quiet'],
    ]);
    await guest.waitForShell(300);
    await guest.run('rmmod xor; rmmod serpent_generic; mount -t ext4 /dev/vda /mnt', 60);
    const end = performance.now() + minutes * 60_000;
    let rounds = 0;
    let printed = 0;
    while (performance.now() < end) {
      await guest.run('sh /round', 300);
      rounds++;
      const lines = sampleLines(guest.errors);
      for (const line of lines.slice(printed)) console.log(line);
      printed = lines.length;
    }
    console.log(`${rounds} rounds`);
    guest.type('poweroff -f\n');
    await guest.exited;
    return sampleLines(guest.errors).map((line) => JSON.parse(line) as MemorySample);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const sampleLines = (errors: string): string[] =>
  [...errors.matchAll(/^SOAK (.*)$/gm)].map((match) => match[1] as string);

async function churn(seconds: number): Promise<MemorySample[]> {
  const { samples, counters, functions } = await churnCode(seconds);
  for (const sample of samples) console.log(JSON.stringify(sample));
  console.log(JSON.stringify({ functions, ...counters }));
  return samples;
}

const samples =
  values.churn === undefined
    ? await debian(Number(values.minutes))
    : await churn(Number(values.churn));
const grew = growth(samples);
console.log(grew.length === 0 ? 'memory is flat' : grew.join('\n'));
process.exitCode = grew.length === 0 ? 0 : 1;
