/** Interpreter and translator in lockstep, in a bounded form; test/lockstep/main.ts does whole boots. */
import { expect, it } from 'vitest';
import { locate, runLockstep, type LockstepGuest } from '../lockstep/runLockstep.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';

const million = 1_000_000;
const script = 'seq 2000 | sort -r | gzip | sha256sum; ls /proc | wc';

async function debian(): Promise<LockstepGuest> {
  const kernel = await debianKernel('cloud-amd64');
  return {
    kernel: kernel.image,
    initrd: await busyboxInitramfs(kernel, { script }),
    commandLine: 'console=ttyS0 quiet',
    memoryMiB: 128,
    cpuModel: 'guesthouse-v2',
  };
}

it('both engines agree on every register and all of RAM, in windows of a boot of Debian', async () => {
  const windows = Array.from({ length: 1000 }, (_, i) => ({
    start: i * 100 * million,
    length: (i === 0 ? 15 : 2) * million,
  }));
  const plan = { translate: { after: 100, gather: 500_000 }, ramEvery: 15 * million, windows };
  const outcome = await runLockstep(await debian(), plan);
  expect(outcome.mismatch).toBeUndefined();
  expect(outcome.end).toEqual({ kind: 'powerOff' });
  expect(outcome.compared).toBeGreaterThan(30 * million);
  // Most of what was compared was translated code.
  const { regionInstructions = 0 } = outcome.counters;
  expect(regionInstructions).toBeGreaterThan(0.5 * outcome.instructions);
  expect(outcome.output).toContain('GUEST-DONE 0');
});

it('names the first instruction on which the engines part', async () => {
  const guest = await debian();
  const plan = {
    translate: { after: 20, gather: 100_000 },
    ramEvery: 100 * million,
    followerModel: 'host-like',
  } as const;
  const { mismatch } = await runLockstep(guest, plan, { instructions: 300 * million });
  if (mismatch === undefined) throw new Error('the engines did not part');
  const found = await locate(guest, plan, mismatch);
  expect(found.trace).toMatch(/^\* .*0f a2 cpuid/m);
  expect(found.differences.map(({ field }) => field)).toContain('rax');
});
