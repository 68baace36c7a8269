/**
 * The state of a running guest: Debian starts processes and writes to its disk without a rest while its state is
 * saved again and again. The saved RAM is what RAM was at the pause, and a fresh machine goes on from it.
 */
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import { buildMachine, type BuiltMachine } from '../../emulator/host/buildMachine.ts';
import { loadMachineFiles, saveMachineFiles } from '../../emulator/host/machineFiles.ts';
import { ramFile, readRam, type RamBase } from '../../emulator/host/ramFiles.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';

const script = `
i=0
while true; do
  for j in 1 2 3 4 5; do head -c 100000 /dev/urandom > /tmp/file$j; done
  cat /tmp/file* > /tmp/all
  a=$(md5sum < /tmp/all); b=$(cat /tmp/file1 /tmp/file2 /tmp/file3 /tmp/file4 /tmp/file5 | md5sum)
  [ "$a" = "$b" ] || echo DAMAGED
  i=$((i+1)); echo TICK $i
done
`;

async function start(): Promise<{ built: BuiltMachine; text: () => string }> {
  const kernel = await debianKernel('cloud-amd64');
  let text = '';
  const serial = new CharacterQueue(
    (bytes) => void (text += Buffer.from(bytes).toString('latin1')),
  );
  const initrd = await busyboxInitramfs(kernel, { script, modules: [] });
  const boot = { kernel: kernel.image, initrd, commandLine: 'console=ttyS0 quiet' };
  const built = await buildMachine(machineRequestSchema.parse({ memoryMiB: 256, boot }), {
    serial: [serial],
    report: (line) => expect.fail(line),
    hostFailure: (message) => expect.fail(message),
  });
  return { built, text: () => (serial.flush(), text) };
}

const ticks = (text: string): number[] =>
  [...text.matchAll(/TICK (\d+)/g)].map((match) => Number(match[1]));

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i > 3000) throw new Error('the guest does not get there');
    await wait(50);
  }
}

it('is saved while the guest works, is what it was at the pause, and goes on elsewhere', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'live-state-'));
  const first = await start();
  const pauses: number[] = [];
  try {
    const { machine } = first.built;
    machine.start();
    await until(() => ticks(first.text()).length >= 2);
    let atPause = 0;
    let base: RamBase | undefined;
    for (let round = 0; round < 3; round++) {
      const state = path.join(folder, String(round));
      let ram = new Uint8Array();
      const saving = await saveMachineFiles(machine, state, {
        ...{ goOn: true, base },
        atPause: () => {
          ram = Uint8Array.from(machine.ram);
          atPause = ticks(first.text()).at(-1) ?? 0;
          return Promise.resolve();
        },
      });
      pauses.push(saving.pauseMs);
      ({ base } = saving);
      const saved = new Uint8Array(ram.length);
      expect(await readRam(state, saved)).toEqual({ folder: state, deltas: round });
      expect(differences(saved, ram)).toEqual([]);
    }
    // Later ones have what changed, and stand without those before.
    const written = [0, 1, 2].map((i) => statSync(ramFile(path.join(folder, '2'), i)).blocks * 512);
    process.stdout.write(`files of RAM: ${written.map((bytes) => bytes >> 20).join(', ')} MiB\n`);
    expect(Math.max(...written.slice(1))).toBeLessThan((written[0] as number) / 2);
    for (const earlier of ['0', '1']) await rm(path.join(folder, earlier), { recursive: true });
    const last = ticks(first.text()).at(-1) ?? 0;
    await until(() => (ticks(first.text()).at(-1) ?? 0) > last);
    expect(first.text()).not.toContain('DAMAGED');

    const second = await start();
    try {
      await loadMachineFiles(second.built.machine, path.join(folder, '2'));
      second.built.machine.start();
      await until(() => ticks(second.text()).length >= 3);
      expect(second.text()).not.toContain('DAMAGED');
      const [next = 0] = ticks(second.text());
      expect([atPause + 1, atPause + 2]).toContain(next);
    } finally {
      await second.built.close();
    }
  } finally {
    await first.built.close();
    await rm(folder, { recursive: true, force: true });
  }
  process.stdout.write(
    `pauses (with the copy for the comparison): ${pauses.map((ms) => ms.toFixed(0)).join(', ')} ms\n`,
  );
});

/** Pages that differ in more than bits 5 of entries: accessed bits may be behind (SDM 3A §4.8 lets them be). */
function differences(a: Uint8Array, b: Uint8Array): string[] {
  const found: string[] = [];
  for (let page = 0; page < a.length; page += 4096) {
    const [x, y] = [a.subarray(page, page + 4096), b.subarray(page, page + 4096)];
    if (Buffer.compare(x, y) === 0) continue;
    const at = x.findIndex(
      (byte, i) => ((byte ^ (y[i] as number)) & ~(i % 8 === 0 ? 0x20 : 0)) !== 0,
    );
    if (at >= 0)
      found.push(`${(page + at).toString(16)}: ${x[at]?.toString(16)} for ${y[at]?.toString(16)}`);
  }
  return found.slice(0, 20);
}
