/**
 * A saved machine goes on as if nothing had happened: Debian boots in counted time, is saved in the
 * middle, loaded into a fresh machine, and its console and disk come out the same to the last byte.
 */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CharacterBackend } from '../../emulator/backends/character.ts';
import { openDisk } from '../../emulator/block/file/fileDisk.ts';
import { loadCore } from '../../emulator/host/coreModule.ts';
import { bootableKernel } from '../../emulator/host/kernelDecompress.ts';
import { virtioDisk } from '../../emulator/machine/drives.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { createPc } from '../../emulator/machine/pc.ts';
import { createWasmEngine } from '../../emulator/vcpu/wasm/wasmEngine.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { makeExt4Disk } from './ext4Disk.ts';

/** Everything a device or the CPU does shows in this: interrupts, entropy, clocks, the disk. */
const script = `
mkdir -p /mnt; mount -t ext4 /dev/vda /mnt && echo MOUNTED
i=0; while [ $i -lt 40 ]; do head -c 20000 /dev/urandom > /mnt/$i; i=$((i+1)); done
sync; cat /mnt/* | md5sum; umount /mnt
cat /proc/interrupts; date; hwclock -r; cat /proc/uptime; dmesg | tail -2
echo SCRIPT-DONE
`;

class Transcript implements CharacterBackend {
  text = '';
  write(bytes: Uint8Array): void {
    this.text += String.fromCharCode(...bytes);
  }
  connect(): void {
    // Nobody types: input would come at another instruction every time.
  }
  async waitFor(mark: string): Promise<void> {
    while (!this.text.includes(mark)) await nextTurn();
  }
}

let folder: string;
let core: WebAssembly.Module;
let kernel: Uint8Array;
let initrd: Uint8Array;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'snapshot-'));
  core = await loadCore();
  const debian = await debianKernel('cloud-amd64');
  kernel = await bootableKernel(await readFile(debian.image), 'auto');
  initrd = await readFile(await busyboxInitramfs(debian, { script }));
  await makeExt4Disk(path.join(folder, 'fresh.img'), { sizeMiB: 16 });
});
afterAll(() => rm(folder, { recursive: true }));

const file = (name: string): string => path.join(folder, `${name}.img`);

async function build(name: string): Promise<{ machine: Machine; transcript: Transcript }> {
  const transcript = new Transcript();
  const disk = await openDisk({
    path: file(name),
    format: 'raw',
    readOnly: false,
    owner: 'snapshot test',
  });
  const machine = createPc(
    {
      memory: 192 << 20,
      cpus: 1,
      cpuModel: 'guesthouse-v2',
      engine: 'interpreter',
      boot: { kernel, initrd, commandLine: 'console=ttyS0' },
      drives: [virtioDisk(disk)],
      serial: [transcript],
      debugExit: false,
      time: { counted: { wallMs: Date.UTC(2026, 10, 23, 9, 30) } },
    },
    {
      createEngine: (request) => createWasmEngine(core, request),
      yieldToEventLoop: () => nextTurn(),
      onHostFailure: (message) => {
        throw new Error(message);
      },
    },
  );
  const dispose = machine.dispose.bind(machine);
  return {
    machine: Object.assign(machine, {
      dispose: async () => {
        await dispose();
        await disk.close();
      },
    }),
    transcript,
  };
}

describe('a machine saved in the middle of a Debian boot', () => {
  it('goes on in a fresh machine to the same console and the same disk', async () => {
    await copyFile(file('fresh'), file('undisturbed'));
    const undisturbed = await build('undisturbed');
    undisturbed.machine.start();
    expect(await undisturbed.machine.ended).toEqual({ kind: 'powerOff' });
    await undisturbed.machine.dispose();
    const expected = undisturbed.transcript.text;
    expect(expected).toContain('SCRIPT-DONE');

    for (const mark of ['ACPI: Interpreter enabled', 'MOUNTED']) {
      await copyFile(file('fresh'), file('first'));
      const first = await build('first');
      first.machine.start();
      await first.transcript.waitFor(mark);
      await first.machine.pause();
      const state = structuredClone(first.machine.save());
      await first.machine.dispose();
      expect(expected.startsWith(first.transcript.text), `console up to ${mark}`).toBe(true);

      await copyFile(file('first'), file('second'));
      const second = await build('second');
      second.machine.load(state);
      second.machine.start();
      expect(await second.machine.ended).toEqual({ kind: 'powerOff' });
      await second.machine.dispose();
      expect(first.transcript.text + second.transcript.text).toBe(expected);
      const [a, b] = await Promise.all([readFile(file('undisturbed')), readFile(file('second'))]);
      expect(a.equals(b), 'disk contents').toBe(true);
    }
  });
});
