/** Linux with as many adapters as a machine can have, of both models, on every kind of network that needs no rights. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { buildMachine, type BuiltMachine } from '../../emulator/host/buildMachine.ts';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import { loadMachineFiles, saveMachineFiles } from '../../emulator/host/machineFiles.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';
import { mostAdapters, type NetworkConfig } from '../../shared/vm/network.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';

const name = `eight${process.pid}`;
/** Each for an adapter of either model. */
const networks: readonly NetworkConfig[] = [
  { mode: 'user', hostLoopback: false, forwards: [], rules: [] },
  { mode: 'internal', name },
  { mode: 'hostOnly', name },
  { mode: 'none' },
];
const models = ['virtio', 'e1000'] as const;
const macOf = (index: number): string => `52:54:00:08:00:0${index}`;

/**
 * Adapters of one model stay, those of the other go into a network namespace of their own, as both have the same
 * addresses: net0 and net1 on the user-mode network, 2 and 3 internal, 4 and 5 host-only, 6 and 7 not attached.
 */
const script = (port: number): string => `
for i in 0 1 2 3 4 5 6 7; do
  d=$(grep -l 52:54:00:08:00:0$i /sys/class/net/*/address | cut -d/ -f5)
  ip link set $d name net$i
  ip link set net$i up
  sleep 0.2
  echo "ADAPTER $i $(basename $(readlink /sys/class/net/net$i/device/driver)) $(cat /sys/class/net/net$i/carrier)"
done
unshare -n sleep 100000 &
other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.1; done
for i in 1 3 5 7; do ip link set net$i netns $other; done
enter() { if [ $1 = 1 ]; then shift; nsenter -t $other -n "$@"; else shift; "$@"; fi; }
lease() { enter $1 udhcpc -i $2 -n -q -t 10 -T 1 -s /bin/true 2>&1 | sed -n 's/.*lease of \\(.*\\) obtained.*/\\1/p'; }
for n in 0 1; do
  for i in $n $((n+2)) $((n+4)) $((n+6)); do enter $n ip link set net$i up; done
  for i in $n $((n+4)); do
    address=$(lease $n net$i)
    echo "LEASE $i $address"
    enter $n ip addr add $address/24 dev net$i
  done
  enter $n ip addr add 192.168.9.$((n+1))/24 dev net$((n+2))
done
check() {
  for n in 0 1; do
    enter $n ping -c 1 -W 5 10.0.2.2 >/dev/null && echo "$1 NAT $n"
    enter $n ping -c 1 -W 5 192.168.9.$((2-n)) >/dev/null && echo "$1 INTERNAL $n"
    echo "$1 HOST $n $(enter $n wget -q -O - http://10.0.3.2:${port}/)"
    [ -z "$(enter $n udhcpc -i net$((n+6)) -n -q -t 1 -T 1 -s /bin/true 2>&1 | grep obtained)" ] && echo "$1 ALONE $n"
  done
}
check FIRST
echo WAITING; read line
check SECOND
echo DONE
`;

async function start(port: number): Promise<{
  readonly built: BuiltMachine;
  readonly serial: CharacterQueue;
  until(mark: string): Promise<string>;
}> {
  const kernel = await debianKernel('amd64');
  let text = '';
  const serial = new CharacterQueue(
    (bytes) => void (text += Buffer.from(bytes).toString('latin1').replaceAll('\r', '')),
  );
  const modules = ['virtio_pci', 'virtio_net', 'e1000'];
  const initrd = await busyboxInitramfs(kernel, {
    ...{ script: script(port), modules, unsigned: true },
  });
  const adapters = networks.flatMap((network, place) =>
    models.map((model, i) => ({ model, mac: macOf(2 * place + i), network })),
  );
  expect(adapters.length).toBe(mostAdapters);
  const boot = { kernel: kernel.image, initrd, commandLine: 'console=ttyS0 quiet' };
  const built = await buildMachine(machineRequestSchema.parse({ memoryMiB: 256, boot, adapters }), {
    serial: [serial],
    report: (line) => expect.fail(line),
    hostFailure: (message) => expect.fail(message),
  });
  const until = async (mark: string): Promise<string> => {
    for (let i = 0; !text.includes(`\n${mark}\n`); i++) {
      if (i > 3000) throw new Error(`no ${mark} in:\n${text}`);
      await wait(50);
    }
    return text;
  };
  return { built, serial, until };
}

/** Lines that begin with a word, without it. */
const lines = (text: string, word: string): string[] =>
  [...text.matchAll(new RegExp(`^${word} (.*)$`, 'gm'))].map(([, rest = '']) => rest);

const everywhere = [0, 1].flatMap((n) => [
  `NAT ${n}`,
  `INTERNAL ${n}`,
  `HOST ${n} from the host`,
  `ALONE ${n}`,
]);

it('a guest has eight adapters of both models on four kinds of network, and keeps them when it is saved and loaded', async () => {
  const web = createServer((_, response) => response.end('from the host\n'));
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const { port } = web.address() as AddressInfo;
  const state = await mkdtemp(path.join(tmpdir(), 'eight-adapters-'));
  try {
    const first = await start(port);
    try {
      first.built.machine.start();
      const text = await first.until('WAITING');
      // Where nothing is attached there is no cable.
      expect(lines(text, 'ADAPTER')).toEqual(
        [0, 1, 2, 3, 4, 5, 6, 7].map(
          (i) => `${i} ${i % 2 === 0 ? 'virtio_net' : 'e1000'} ${i < 6 ? 1 : 0}`,
        ),
      );
      expect(lines(text, 'LEASE')).toEqual([
        '0 10.0.2.15',
        '4 10.0.3.15',
        '1 10.0.2.15',
        '5 10.0.3.16',
      ]);
      expect(lines(text, 'FIRST')).toEqual(everywhere);
      await saveMachineFiles(first.built.machine, path.join(state, 'saved'), { goOn: false });
    } finally {
      await first.built.close();
    }
    const second = await start(port);
    try {
      await loadMachineFiles(second.built.machine, path.join(state, 'saved'));
      second.built.machine.start();
      second.serial.send(Buffer.from('\n'));
      expect(lines(await second.until('DONE'), 'SECOND')).toEqual(everywhere);
    } finally {
      await second.built.close();
    }
  } finally {
    await rm(state, { recursive: true, force: true });
    web.close();
  }
});
