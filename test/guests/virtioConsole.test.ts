import { setImmediate as nextTurn } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import { loadCore } from '../../emulator/host/coreModule.ts';
import { bootableKernel } from '../../emulator/host/kernelDecompress.ts';
import { createPc } from '../../emulator/machine/pc.ts';
import { createWasmEngine } from '../../emulator/vcpu/wasm/wasmEngine.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';

const script = `
exec > /dev/hvc0 2>&1
cat /sys/class/virtio-ports/*/name
port=/dev/$(basename $(dirname $(grep -l guesthouse.1 /sys/class/virtio-ports/*/name)))
echo "from the guest" > $port
read answer < $port
echo "the host said: $answer"
echo 'done'
`;

it('Linux has a console and a named port of virtio, both ways', async () => {
  const kernel = await debianKernel('cloud-amd64');
  const initramfs = await busyboxInitramfs(kernel, {
    script,
    modules: ['virtio_pci', 'virtio_console'],
  });
  const output = ['', '', ''];
  const sink =
    (index: number) =>
    (bytes: Uint8Array): void => {
      output[index] += Buffer.from(bytes).toString('latin1');
    };
  const port: CharacterQueue = new CharacterQueue((bytes) => {
    sink(2)(bytes);
    // The answer is sent before the guest reads: it waits in the host until then.
    port.send(Buffer.from('hello\n'));
  });
  const core = await loadCore();
  const machine = createPc(
    {
      memory: 256 << 20,
      cpus: 1,
      cpuModel: 'guesthouse-v2',
      engine: 'interpreter',
      boot: {
        kernel: await bootableKernel(await readFile(kernel.image)),
        initrd: await readFile(initramfs),
        commandLine: 'console=ttyS0 quiet cryptomgr.notests',
      },
      drives: [],
      serial: [new CharacterQueue(sink(0))],
      consoles: [new CharacterQueue(sink(1)), port],
      debugExit: false,
      time: { counted: { wallMs: Date.UTC(2026, 0, 1) } },
    },
    {
      createEngine: (engine) => createWasmEngine(core, engine),
      yieldToEventLoop: () => nextTurn(),
      onHostFailure: (message) => {
        throw new Error(message);
      },
    },
  );
  machine.start();
  expect(await machine.ended).toEqual({ kind: 'powerOff' });
  await machine.dispose();
  await nextTurn();
  expect(output[2]).toBe('from the guest\n');
  expect(output[1]?.replaceAll('\r', '')).toBe('guesthouse.1\nthe host said: hello\ndone\n');
});
