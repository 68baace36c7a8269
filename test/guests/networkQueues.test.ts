import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import { loadCore } from '../../emulator/host/coreModule.ts';
import { bootableKernel } from '../../emulator/host/kernelDecompress.ts';
import { PluggedAdapter } from '../../emulator/host/pluggedAdapter.ts';
import { createPc } from '../../emulator/machine/pc.ts';
import { createWasmEngine } from '../../emulator/vcpu/wasm/wasmEngine.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';
import { debianPackages } from './debianPackages.ts';

/** Names are asked over and over: each question is a flow of its own. */
const script = `
queues() { ls /sys/class/net/eth0/queues | tr '\\n' ' '; }
ethtool() { /bin/ld.so --library-path /bin /bin/ethtool "$@"; }
ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
echo "AT-FIRST $(queues)"
ask() { i=0; while [ $i -lt $1 ]; do nslookup gateway.guesthouse.internal 10.0.2.3 | grep -q 10.0.2.2 || echo FAILED; i=$((i+1)); done; }
ask 3
ethtool -L eth0 combined 9 2>/dev/null || echo 'NINE refused'
ethtool -L eth0 combined 4
echo "THEN $(queues)"
ask 40
for i in 0 1 2 3; do for way in input output; do
  echo "COUNT $way $i $(grep "virtio.*-$way.$i$" /proc/interrupts | awk '{print $2}')"
done; done
ethtool -L eth0 combined 1
echo "AT-LAST $(queues)"
ask 3
`;

/** As in buildMachine. */
const translate = { after: 2500, gather: 2_000_000 };

/** Of Debian's ethtool. */
async function ethtoolFiles(): Promise<Record<string, Uint8Array>> {
  const [ethtool = '', libmnl = '', libc = ''] = await debianPackages(
    ['ethtool', 'libmnl0', 'libc6'],
    'amd64',
  );
  const libraries = 'x86_64-linux-gnu';
  const read = (...parts: string[]): Promise<Buffer> => readFile(path.join(...parts));
  return {
    '/bin/ethtool': await read(ethtool, 'sbin/ethtool'),
    '/bin/libmnl.so.0': await read(libmnl, 'usr/lib', libraries, 'libmnl.so.0'),
    '/bin/libc.so.6': await read(libc, 'lib', libraries, 'libc.so.6'),
    '/bin/libm.so.6': await read(libc, 'lib', libraries, 'libm.so.6'),
    '/bin/ld.so': await read(libc, 'lib', libraries, 'ld-linux-x86-64.so.2'),
  };
}

it('Linux spreads its flows over four pairs of queues of a virtio-net adapter', async () => {
  const kernel = await debianKernel('cloud-amd64');
  const initramfs = await busyboxInitramfs(kernel, {
    ...{
      script,
      modules: ['virtio_pci', 'virtio_net'],
      unsigned: true,
      files: await ethtoolFiles(),
    },
  });
  const { adapters } = machineRequestSchema.parse({
    memoryMiB: 256,
    adapters: [{ mac: '52:54:00:12:34:56' }],
    boot: { kernel: kernel.image },
  });
  const adapter = new PluggedAdapter(adapters[0]!);
  let text = '';
  const serial = new CharacterQueue(
    (bytes) => void (text += Buffer.from(bytes).toString('latin1').replaceAll('\r', '')),
  );
  const core = await loadCore();
  const machine = createPc(
    {
      memory: 256 << 20,
      cpus: 1,
      cpuModel: 'guesthouse-v2',
      engine: 'translator',
      boot: {
        kernel: await bootableKernel(await readFile(kernel.image)),
        initrd: await readFile(initramfs),
        commandLine: 'console=ttyS0 quiet',
      },
      drives: [],
      adapters: [{ ...adapter.spec(), queuePairs: 4 }],
      serial: [serial],
      debugExit: false,
      time: 'host',
    },
    {
      createEngine: (engine) => createWasmEngine(core, { ...engine, translate }),
      yieldToEventLoop: () => nextTurn(),
      onHostFailure: (message) => {
        throw new Error(message);
      },
    },
  );
  await adapter.open();
  try {
    machine.start();
    expect(await machine.ended).toEqual({ kind: 'powerOff' });
  } finally {
    await machine.dispose();
    await adapter.close();
  }
  serial.flush();
  const pairs = (count: number): string =>
    ['rx', 'tx'].flatMap((way) => Array.from({ length: count }, (_, i) => `${way}-${i} `)).join('');
  // One CPU asks for one pair by itself.
  expect(text).toContain(`AT-FIRST ${pairs(1)}\n`);
  expect(text).toContain('NINE refused\n');
  expect(text).toContain(`THEN ${pairs(4)}\n`);
  expect(text).toContain(`AT-LAST ${pairs(1)}\n`);
  expect(text).not.toContain('FAILED');
  const counts = [...text.matchAll(/^COUNT (\w+) (\d) (\d+)$/gm)];
  expect(counts.length).toBe(8);
  for (const [line, , , count] of counts) expect(Number(count), line).toBeGreaterThan(0);
});
