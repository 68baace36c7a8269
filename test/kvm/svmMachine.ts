/**
 * A Linux host with a real /dev/kvm, emulated: QEMU's TCG has SVM. Debian's kernel loads kvm-amd, mounts this machine's root
 * (read-only, by virtio-9p) and runs a command in it. QEMU is the host here, no part of what is tested.
 */
import { spawn } from 'node:child_process';
import { busyboxInitramfs, doneMarker } from '../guests/busyboxInitramfs.ts';
import { debianKernel } from '../guests/debianKernel.ts';

const modules = ['virtio_pci', '9p', '9pnet_virtio', 'kvm-amd', 'tun'] as const;

export interface SvmRun {
  /** A line for sh, run as root under this machine's root. Its own are /dev, /proc, /sys and /tmp. */
  readonly command: string;
  /** A folder of this machine, writable at /tmp/shared. */
  readonly shared: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly maxSeconds: number;
  /** What the serial console says, as it comes. */
  onOutput(text: string): void;
}

const inside = (command: string): string => `mkdir -p /mnt
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro root /mnt || exit 90
for folder in dev proc sys; do mount --bind /$folder /mnt/$folder || exit 91; done
mount --bind /dev/pts /mnt/dev/pts
mount -t tmpfs tmp /mnt/tmp
mkdir /mnt/tmp/shared
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 shared /mnt/tmp/shared || exit 92
ip link set lo up
exec chroot /mnt /bin/sh -c ${quoted(command)}
`;

/** The command's status. Rejects if the machine did not come to its end in time. */
export async function runInSvm(request: SvmRun): Promise<number> {
  const kernel = await debianKernel('amd64');
  const initrd = await busyboxInitramfs(kernel, {
    modules,
    unsigned: true,
    script: inside(request.command),
  });
  const share = (tag: string, folder: string, more: string): string[] => [
    '-virtfs',
    `local,path=${folder},mount_tag=${tag},security_model=none,multidevs=remap${more}`,
  ];
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-M', 'q35', '-no-reboot', '-nographic'],
      ...['-smp', String(request.cpus), '-m', String(request.memoryMiB), '-nic', 'none'],
      ...['-kernel', kernel.image, '-initrd', initrd],
      ...['-append', 'console=ttyS0 quiet mitigations=off panic=-1'],
      ...share('root', '/', ',readonly=on'),
      ...share('shared', request.shared, ''),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const timer = setTimeout(() => qemu.kill('SIGKILL'), request.maxSeconds * 1000);
  let tail = '';
  let status: number | undefined;
  qemu.stdout.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4096);
    const done = new RegExp(`${doneMarker} (\\d+)`).exec(tail);
    if (done !== null) status = Number(done[1]);
    request.onOutput(text);
  });
  await new Promise<void>((resolve, reject) => {
    qemu.once('error', reject);
    qemu.once('close', () => resolve());
  });
  clearTimeout(timer);
  if (status === undefined)
    throw new Error(
      `The SVM machine did not end within ${request.maxSeconds} s, or failed:\n${tail}`,
    );
  return status;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
