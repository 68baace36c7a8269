/**
 * `npm run bench -- --network`: iperf3 between a Linux guest and its host over virtio-net and a user-mode network,
 * ours against QEMU TCG with `-netdev user`, both ways, one connection and eight, runs alternating.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { busyboxInitramfs } from '../../guests/busyboxInitramfs.ts';
import { debianKernel } from '../../guests/debianKernel.ts';
import { hostTool } from '../../guests/guestCache.ts';
import {
  guesthouseGuest,
  qemuGuest,
  type GuestContender,
  type LinuxGuest,
} from '../guestContenders.ts';
import { median } from '../statistics.ts';

const secondsEach = 2;
/** Before the rows: until both have translated what they run. */
const warmUp = ['-P 1', '-R -P 1'];
/** Row → options of the guest's client. */
const rows: Readonly<Record<string, string>> = {
  'guest to host, 1 stream': '-P 1',
  'guest to host, 8 streams': '-P 8',
  'host to guest, 1 stream': '-R -P 1',
  'host to guest, 8 streams': '-R -P 8',
};

/** The host's own iperf3 and its libraries, all in /bin of the guest. */
async function iperfFiles(): Promise<Record<string, Uint8Array>> {
  const program = '/usr/bin/iperf3';
  const libraries = [...(await hostTool('ldd', [program])).matchAll(/(\S*\/(\S+\.so\S*)) \(0x/g)];
  const files: Record<string, Uint8Array> = { '/bin/iperf3': await readFile(program) };
  for (const [, file = '', name = ''] of libraries)
    files[name.startsWith('ld-linux') ? '/bin/ld.so' : `/bin/${name.split('/').pop()}`] =
      await readFile(file);
  return files;
}

async function iperfGuest(port: number): Promise<LinuxGuest> {
  const kernel = await debianKernel('cloud-amd64');
  const client = (options: string): string =>
    `/bin/ld.so --library-path /bin /bin/iperf3 -c 10.0.2.2 -p ${port} -t ${secondsEach} -i 0 -f k ${options}`;
  const script = `stty -onlcr 2>/dev/null
ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
ip link set lo up; export TMPDIR=/tmp
${warmUp.map((options) => `${client(options)} >/dev/null`).join('\n')}
${Object.entries(rows)
  .map(
    ([row, options]) =>
      `echo "ROW ${row}: $(${client(`-O 1 ${options}`)} 2>&1 | grep -E 'receiver|error' | tail -1)"`,
  )
  .join('\n')}
`;
  return {
    ...{ bits: 64, kernel: kernel.image, memoryMiB: 512, commandLine: 'console=ttyS0 quiet' },
    initrd: await busyboxInitramfs(kernel, {
      ...{ script, modules: ['virtio_pci', 'virtio_net'], files: await iperfFiles() },
    }),
  };
}

const ours: GuestContender = guesthouseGuest('--net', 'user,host-loopback=on');
const qemu: GuestContender = {
  name: qemuGuest.name,
  command: (guest) => {
    const [program, args] = qemuGuest.command(guest);
    const network = ['-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n,romfile='];
    return [program, [...args, ...network]];
  },
};

/** Mbit/s of each row, as the receivers count. */
async function measure(contender: GuestContender, guest: LinuxGuest): Promise<Map<string, number>> {
  const [program, args] = contender.command(guest);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const limit = setTimeout(() => child.kill('SIGKILL'), 240_000);
  const results = new Map<string, number>();
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /ROW (.*?):.*?([\d.]+) Kbits\/sec/.exec(line);
    if (match !== null) results.set(match[1] as string, Number(match[2]) / 1000);
    else if (line.includes('ROW ')) throw new Error(`${contender.name}: ${line}`);
  }
  clearTimeout(limit);
  if (results.size < Object.keys(rows).length)
    throw new Error(`${contender.name} measured only ${[...results.keys()].join(', ')}`);
  return results;
}

export async function benchIperf(runs: number): Promise<void> {
  const port = 15_201 + (process.pid % 1000);
  const server: ChildProcess = spawn('iperf3', ['-s', '-B', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  try {
    const guest = await iperfGuest(port);
    const contenders = [ours, qemu];
    const taken = contenders.map(() => new Map<string, number[]>());
    for (let run = 0; run < runs; run++)
      for (const [index, contender] of contenders.entries())
        for (const [row, value] of await measure(contender, guest)) {
          const lists = taken[index]!;
          lists.set(row, [...(lists.get(row) ?? []), value]);
          process.stdout.write(`run ${run + 1} ${contender.name} ${row}: ${value.toFixed(0)}\n`);
        }
    process.stdout.write(
      `\niperf3 over virtio-net, Mbit/s, medians of ${runs} runs of ${secondsEach} s; in brackets, ours against QEMU's\n`,
    );
    for (const row of Object.keys(rows)) {
      const [own, theirs] = taken.map((lists) => median(lists.get(row) ?? [])) as [number, number];
      process.stdout.write(
        `${row.padEnd(26)} ${own.toFixed(0).padStart(8)} ${theirs.toFixed(0).padStart(8)} (${(own / theirs).toFixed(2)}x)\n`,
      );
    }
  } finally {
    server.kill();
  }
}
