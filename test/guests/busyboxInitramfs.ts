/**
 * An initramfs of busybox for one of Debian's kernels. Its /init mounts proc, sys and devtmpfs, loads
 * the virtio and ext4 modules that the kernel does not have built in, prints a marker and then either
 * runs a script and powers off, or gives a shell with job control on the console.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CpioArchive } from '../../main/gallery/cpioArchive.ts';
import { modulesInLoadOrder, type DebianKernel } from './debianKernel.ts';
import { debianPackages, packageVersion } from './debianPackages.ts';
import { cached, contentKey, hostTool } from './guestCache.ts';

/** Printed by /init on a line of its own before the shell or the script. */
export const readyMarker = 'GUEST-READY';
/** Printed after a script, with its exit status: `GUEST-DONE 0`. */
export const doneMarker = 'GUEST-DONE';
/** The shell's prompt. */
export const shellPrompt = 'guest# ';

export interface InitramfsChoice {
  /** Lines for /bin/sh, run by /init, after which the guest powers off. Without it: a shell. */
  readonly script?: string;
  /** Modules to load (with what they need), where the kernel has them as modules. */
  readonly modules?: readonly string[];
  /** What insmod gives to a module, by its file's name: { 'libata.ko': 'force=pio4' }. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Modules without their signatures, whose check takes an emulated CPU a second each: for many modules. */
  readonly unsigned?: boolean;
  /** Further files, by absolute path in the guest. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
}

/**
 * What disks need. The kernel checks every module's signature, which takes an emulated CPU a second
 * or so; so there are no more. crc32c_generic: ext4 asks for it by alias, and there is no modprobe.
 */
export const defaultModules = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4'] as const;

const initScript = (
  modules: readonly string[],
  { script, parameters = {} }: InitramfsChoice,
): string => `#!/bin/sh
export PATH=/bin HOME=/root TERM=vt100 PS1='${shellPrompt}'
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmp /tmp
${modules.map((m) => `insmod /modules/${m} ${parameters[m] ?? ''}`.trimEnd()).join('\n')}
hostname guest
cd /root
echo
echo ${readyMarker}
${
  script === undefined
    ? `while true; do setsid cttyhack sh; done`
    : `setsid cttyhack sh /script
echo ${doneMarker} $?
sync
poweroff -f`
}
`;

/** Path of the initramfs, an uncompressed cpio archive: the guest needs no time to unpack it. */
export async function busyboxInitramfs(
  kernel: DebianKernel,
  choice: InitramfsChoice = {},
): Promise<string> {
  const modules = await modulesInLoadOrder(kernel, choice.modules ?? defaultModules);
  const names = modules.map((file) => path.basename(file));
  const [busybox] = await debianPackages(['busybox-static'], kernel.architecture);
  if (busybox === undefined) throw new Error('unreachable');
  const init = initScript(names, choice);
  const files = Object.entries(choice.files ?? {});
  const key = contentKey(
    'initramfs 1',
    ...(choice.unsigned === true ? ['unsigned'] : []),
    kernel.version,
    await packageVersion(busybox),
    init,
    choice.script ?? '',
    ...files.flat(),
  );
  const kind = choice.script === undefined ? 'shell' : 'script';
  return cached(`initramfs/${kernel.flavour}-${kind}-${key}.cpio`, async (target) => {
    const archive = new CpioArchive();
    for (const folder of 'bin dev etc mnt modules proc root run sys tmp var'.split(' '))
      archive.folder(folder);
    // The console of /init itself, before devtmpfs is mounted.
    archive.character('dev/console', 5, 1);
    archive.file('bin/busybox', await readFile(path.join(busybox, 'bin/busybox')), 0o755);
    for (const applet of await applets())
      if (applet !== 'busybox') archive.link(`bin/${applet}`, 'busybox');
    archive.link('sbin', 'bin');
    archive.file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
    archive.file('etc/group', 'root:x:0:\n');
    for (const file of modules)
      archive.file(
        `modules/${path.basename(file)}`,
        choice.unsigned === true ? unsigned(await readFile(file)) : await readFile(file),
      );
    if (choice.script !== undefined) archive.file('script', choice.script, 0o755);
    for (const [name, content] of files) archive.file(name.replace(/^\//, ''), content, 0o755);
    archive.file('init', init, 0o755);
    await writeFile(target, archive.finish());
  });
}

/** An appended signature ends with its length, as in the kernel's struct module_signature, and a magic. */
function unsigned(module: Buffer): Buffer {
  const magic = '~Module signature appended~\n';
  if (module.subarray(-magic.length).toString('latin1') !== magic) return module;
  const length = module.readUInt32BE(module.length - magic.length - 4);
  return module.subarray(0, module.length - magic.length - 12 - length);
}

async function applets(): Promise<string[]> {
  const [busybox] = await debianPackages(['busybox-static'], 'amd64');
  const list = await hostTool(path.join(busybox ?? '', 'bin/busybox'), ['--list']);
  return list.split('\n').filter((name) => name !== '');
}
