/**
 * `npm run test:kvm [-- PAIRS]` (3; 0: without boots): the KVM engine, as built for users, where /dev/kvm is real, in the emulated host of svmMachine.ts.
 * Stock Debian boots there with one CPU and with two to its user space, uses a virtio disk and the network and powers off; QEMU does
 * the same with the same files on the same KVM, in turn. Then a guest moves between the engines under load, and its state is saved there
 * and opened by the translator outside. Prints the log, exits by reason and ratios of times; the exit status is 1 if
 * anything was wrong, or the median of three ratios or more too large. Some minutes for a pair of each.
 */
import { createHash, randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { busyboxInitramfs, defaultModules, doneMarker } from '../guests/busyboxInitramfs.ts';
import { debianKernel } from '../guests/debianKernel.ts';
import { printCounts, readCounts, startCounting } from './exitCounts.ts';
import { checkExt4Disk, extractFromExt4, makeExt4Disk } from '../guests/ext4Disk.ts';
import { MovingGuest, movingScript } from './movingGuest.ts';
import { runInSvm } from './svmMachine.ts';

const root = path.resolve(import.meta.dirname, '../..');
const data = randomBytes(4 << 20);
const digest = sha256(data);
/** Little: the translator is slow on an emulated processor. */
const movingData = randomBytes(1 << 16);

/** What the guest does; each line of it that fails leaves its mark out. */
const guestScript = `echo "CPUs $(grep -c ^processor /proc/cpuinfo)"
echo "kernel $(uname -r) clock $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
mount -t ext4 /dev/vda /mnt && cp /mnt/data /mnt/copy && sync && umount /mnt && mount -t ext4 /dev/vda /mnt
echo "disk $(sha256sum /mnt/copy | cut -d" " -f1)"
umount /mnt
ip link set eth0 up
udhcpc -i eth0 -n -q -s /bin/true 2>&1 | grep "lease of"
ip addr add 10.0.2.15/24 dev eth0
ping -c 3 10.0.2.2 | grep "packet loss"
dmesg -r | grep "^<[0-3]>" || true
`;

/** Disks of the boots. */
const booted = ['ours.img', 'theirs.img'];

interface Stage {
  readonly name: string;
  /** Run in the folder of the kernel, the initramfs and the disks. */
  readonly command: string;
  readonly expected: readonly RegExp[];
  /** Stages of a pair have the same. */
  readonly pair?: string;
}

const pairs = Number(process.argv[2] ?? 3);
/** Of our time by QEMU's. */
const largestRatio = 1.2;
const append = 'console=ttyS0 quiet';
const guesthouse = async (line: string): Promise<string> =>
  `GUESTHOUSE_HOME=/tmp/home ${await realpath(process.execPath)} ${root}/out/main/guesthouse.js ${line}`;

/** What the guest that moves says at its end. */
const movedMarks = [new RegExp(`^sums ${sha256(movingData)}$`, 'm'), new RegExp(`${doneMarker} 0`)];

async function stages(release: string): Promise<readonly Stage[]> {
  const boots = async (cpus: number): Promise<readonly Stage[]> => {
    const expected = [
      new RegExp(`CPUs ${cpus}`),
      new RegExp(`kernel ${release} clock kvm-clock`),
      new RegExp(`disk ${digest}`),
      /lease of 10\.0\.2\.15 obtained/,
      / 0% packet loss/,
      new RegExp(`${doneMarker} 0`),
    ];
    const pair = `${cpus} CPU${cpus === 1 ? '' : 's'}`;
    return [
      {
        name: `Debian on the KVM engine, ${pair}`,
        command: await guesthouse(
          `run --engine kvm --cpus ${cpus} --kernel kernel --initrd initrd --append "${append}" --memory 512 --disk ours.img --net user --stats --max-seconds 400`,
        ),
        ...{ expected, pair },
      },
      {
        name: `Debian on qemu -accel kvm, ${pair}`,
        command: `qemu-system-x86_64 -accel kvm -cpu host -M pc -smp ${cpus} -m 512 -nographic -no-reboot -kernel kernel -initrd initrd -append "${append}" -drive if=virtio,format=raw,file=theirs.img -nic user,model=virtio-net-pci`,
        ...{ expected, pair },
      },
    ];
  };
  const round = [...(await boots(1)), ...(await boots(2))];
  return [
    {
      name: 'doctor',
      command: await guesthouse('doctor'),
      expected: [/^kvm +usable/m, /^auto +takes kvm/m],
    },
    ...Array.from({ length: pairs }, () => round).flat(),
    // V8 patches its table of jumps while other threads run by it. TCG of QEMU before 8.1 may go on with the old code then (it translated
    // without a lock of the page: its commit deba78709ae8), which V8 frees: so it is told to keep it. On a processor, or TCG's only one, all is well.
    {
      name: 'moves between engines under load',
      command: `${await realpath(process.execPath)} --no-wasm-code-gc ${root}/test/kvm/moves.ts .`,
      expected: movedMarks,
    },
  ];
}

const kernel = await debianKernel('cloud-amd64');
const shared = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-kvm-'));
try {
  const initrd = await busyboxInitramfs(kernel, {
    modules: [...defaultModules, 'virtio_net'],
    unsigned: true,
    script: guestScript,
  });
  await copyFile(kernel.image, path.join(shared, 'kernel'));
  await copyFile(initrd, path.join(shared, 'initrd'));
  const moving = await busyboxInitramfs(kernel, { unsigned: true, script: movingScript });
  await copyFile(moving, path.join(shared, 'moving'));
  const at = (name: string): string => path.join(shared, name);
  for (const disk of booted.map(at)) await makeExt4Disk(disk, { sizeMiB: 64, files: { data } });
  await makeExt4Disk(at('moved.img'), { sizeMiB: 16, files: { data: movingData } });
  const all = await stages(kernel.release);
  const lines = all.flatMap(({ name, command }, i) => [
    `echo "STAGE ${i} ${name}"; start=$(date +%s%N); ${command} < /dev/null 2>&1; echo "STATUS ${i} $? after $((($(date +%s%N) - start) / 1000000)) ms"`,
    ...printCounts,
  ]);
  await writeFile(
    path.join(shared, 'stages'),
    [
      'cd /tmp/shared',
      ...startCounting,
      ...lines,
      `echo "STAGE ${all.length} end"`,
      'exit 0',
      '',
    ].join('\n'),
  );
  let log = '';
  await runInSvm({
    command: 'exec sh /tmp/shared/stages',
    shared,
    cpus: 2,
    memoryMiB: 3072,
    maxSeconds: 1200 + 600 * pairs,
    onOutput: (text) => {
      log += text;
      process.stdout.write(text);
    },
  });
  const text = log.replaceAll('\r', '');
  const parts = all.map(
    (_, i) => text.slice(text.indexOf(`STAGE ${i} `)).split(`STAGE ${i + 1} `)[0] ?? '',
  );
  const wrong = all.flatMap(({ name, expected }, i) => {
    const part = parts[i] ?? '';
    return [...expected, new RegExp(`STATUS ${i} 0 `)]
      .filter((pattern) => !pattern.test(part))
      .map((pattern) => `${name}: there is no ${String(pattern)}`);
  });
  console.log('The state saved there, opened here by the translator:');
  const guest = await MovingGuest.start('translator', {
    ...{ kernel: at('kernel'), initrd: at('moving'), disk: at('saved.img'), state: at('state') },
  });
  await guest.rounds(2);
  const said = (await guest.finish()).replaceAll('\r', '');
  for (const pattern of movedMarks)
    if (!pattern.test(said)) wrong.push(`opened by the translator: there is no ${String(pattern)}`);
  for (const disk of [...(pairs > 0 ? booted : []), 'moved.img', 'saved.img'].map(at)) {
    await checkExt4Disk(disk);
    await extractFromExt4(disk, '/copy', `${disk}.copy`);
  }
  const times = parts.map((part) => Number(/STATUS \d+ \d+ after (\d+) ms/.exec(part)?.[1]));
  const ratios = new Map<string, number[]>();
  all.forEach(({ name, pair }, i) => {
    if (pair === undefined) return;
    console.log(`${name}: ${times[i]} ms`);
    for (const line of readCounts(parts[i] ?? '')) console.log(`  ${line}`);
    if (!name.includes('KVM engine')) return;
    const ratio = (times[i] ?? NaN) / (times[i + 1] ?? NaN);
    ratios.set(pair, [...(ratios.get(pair) ?? []), ratio]);
  });
  for (const [pair, found] of ratios) {
    const median = found.toSorted((a, b) => a - b)[found.length >> 1] ?? NaN;
    const said = `${pair}, the KVM engine's time by that of QEMU: ${found.map((one) => one.toFixed(2)).join(', ')}, median ${median.toFixed(2)}`;
    console.log(said);
    // Fewer say nothing on a machine with other work.
    if (found.length >= 3 && !(median <= largestRatio))
      wrong.push(`${said}: more than ${largestRatio}`);
  }
  for (const line of wrong) console.error(line);
  console.log(wrong.length === 0 ? 'test:kvm passed' : 'test:kvm FAILED');
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  await rm(shared, { recursive: true, force: true });
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
