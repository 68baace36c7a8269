/** Debian's packages as a disk to boot: a root file system, a kernel, and an initramfs that finds the one for the other. */
import { CpioArchive } from './cpioArchive.ts';
import type { Paragraph } from './controlFile.ts';
import type { DebFile, TarEntry } from './debFile.ts';
import { FileTree, type FileNode } from './fileTree.ts';
import {
  finishScript,
  firstBootPath,
  firstBootScript,
  writeDpkgState,
  type UnpackedPackage,
} from './firstBoot.ts';

/** Folders that Debian's packages still name, and what they are since all is in /usr. */
const mergedFolders = ['bin', 'sbin', 'lib', 'lib64'];

/** Of the initramfs; with what these need. */
const earlyModules = ['virtio_pci', 'virtio_blk'];

export interface DebianOptions {
  /** Seconds since 1970. */
  readonly now: number;
  readonly hostName: string;
  /** Of the root file system. */
  readonly uuid: string;
  readonly mirror: string;
  readonly suite: string;
  readonly component: string;
  /** Paths that are left out begin with one of these, but for licences. */
  readonly omit: readonly string[];
}

export class DebianGuest {
  readonly tree: FileTree;
  private readonly options: DebianOptions;
  private readonly packages: UnpackedPackage[] = [];

  constructor(options: DebianOptions) {
    this.options = options;
    this.tree = new FileTree(options.now);
    for (const folder of mergedFolders) {
      this.tree.folder(`usr/${folder}`);
      this.tree.link(folder, `usr/${folder}`);
    }
    for (const folder of ['dev', 'proc', 'sys', 'run', 'tmp', 'root']) this.tree.folder(folder);
  }

  /** In the order in which they may be configured. */
  add(fields: Paragraph, { control, data }: DebFile): void {
    for (const entry of data) this.put(entry);
    const paths = data.map(({ header }) => `/${clean(header.name)}`.replace(/^\/$/, '/.'));
    this.packages.push({ fields, control, paths });
  }

  /** The kernel's image; its modules go on the disk. Its package is not told to dpkg. */
  addKernel({ data }: DebFile): { image: Uint8Array; release: string } {
    let image: Uint8Array | undefined;
    let release = '';
    for (const entry of data) {
      const name = clean(entry.header.name);
      const kernel = /^boot\/vmlinuz-(.+)$/.exec(name);
      if (kernel) [image, release] = [entry.content, kernel[1]!];
      else if (name.startsWith('lib/modules/')) this.put(entry);
    }
    if (!image) throw new Error('The kernel package holds no kernel.');
    return { image, release };
  }

  /** After all packages. */
  finish(): void {
    const { tree, options } = this;
    writeDpkgState(tree, this.packages);
    const { hostName, mirror, suite, component, uuid } = options;
    tree.file(firstBootPath, firstBootScript, 0o755);
    tree.file('usr/lib/guesthouse/finish', finishScript, 0o755);
    tree.file('etc/hostname', `${hostName}\n`);
    tree.file('etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${hostName}\n::1 localhost\n`);
    tree.file('etc/fstab', `UUID=${uuid} / ext4 errors=remount-ro 0 1\n`);
    // The address of the DNS server of Guesthouse's NAT.
    tree.file('etc/resolv.conf', 'nameserver 10.0.2.3\n');
    tree.file(
      'etc/systemd/network/20-wired.network',
      '[Match]\nName=en* eth*\n\n[Network]\nDHCP=ipv4\n',
    );
    const security = 'http://deb.debian.org/debian-security';
    tree.file(
      'etc/apt/sources.list',
      `deb ${mirror} ${suite} ${component}\ndeb ${mirror} ${suite}-updates ${component}\n` +
        `deb ${security} ${suite}-security ${component}\n`,
    );
    tree.file(
      'etc/dpkg/dpkg.cfg.d/guesthouse',
      '# What the gallery has left out of this small system; delete this file to have it.\n' +
        options.omit.map((path) => `path-exclude=/${path}*\n`).join('') +
        'path-include=/usr/share/doc/*/copyright\n',
    );
    // root is signed in on the machine's own screen and console; nobody else can be, for no password is set.
    const shell = (exec: string): string =>
      `[Service]\nExecStart=\nExecStart=-/sbin/agetty ${exec}\n`;
    tree.file(
      'etc/systemd/system/getty@.service.d/autologin.conf',
      shell('--autologin root --noclear %I $TERM'),
    );
    tree.file(
      'etc/systemd/system/serial-getty@.service.d/autologin.conf',
      shell('--autologin root --keep-baud 115200,57600,38400,9600 %I $TERM'),
    );
  }

  /** An initramfs for the disk of this guest: it loads what the disk needs and mounts it. */
  initramfs(busybox: DebFile, release: string): Uint8Array {
    const archive = new CpioArchive();
    for (const folder of ['bin', 'dev', 'modules', 'proc', 'root', 'sys']) archive.folder(folder);
    archive.character('dev/console', 5, 1);
    const program = busybox.data.find(({ header }) => clean(header.name).endsWith('bin/busybox'));
    if (!program) throw new Error('The package of busybox holds none.');
    archive.file('bin/busybox', program.content, 0o755);
    const modules = modulesInLoadOrder(this.tree, release, earlyModules);
    for (const { name, content } of modules) archive.file(`modules/${name}`, content);
    archive.file('init', initScript(modules.map(({ name }) => name)), 0o755);
    return archive.finish();
  }

  private put({ header, content }: TarEntry): void {
    const path = clean(header.name);
    const { omit } = this.options;
    if (omit.some((folder) => path.startsWith(folder)) && !path.endsWith('/copyright')) {
      if (header.type !== 'directory') return;
    }
    const node = nodeOf({ header, content });
    if (node) this.tree.put(path, node);
    else if (header.type === 'link') this.tree.hardLink(path, clean(header.linkname ?? ''));
  }
}

const clean = (name: string): string =>
  name
    .replace(/^(\.?\/)+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');

function nodeOf({ header, content }: TarEntry): FileNode | undefined {
  const common = {
    mode: header.mode ?? 0o644,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
  };
  switch (header.type) {
    case 'directory':
      return { kind: 'folder', ...common };
    case 'file':
      return { kind: 'file', content, ...common };
    case 'symlink':
      return { kind: 'link', target: header.linkname ?? '', ...common };
    case 'character-device':
    case 'block-device':
      return {
        kind: header.type === 'character-device' ? 'character' : 'block',
        ...common,
        ...{ major: header.devmajor ?? 0, minor: header.devminor ?? 0 },
      };
    default:
      return undefined;
  }
}

/** By the modules' own `depends=`: modules.dep is made at installation. */
function modulesInLoadOrder(
  tree: FileTree,
  release: string,
  names: readonly string[],
): { name: string; content: Uint8Array }[] {
  const folder = `usr/lib/modules/${release}/`;
  const files = new Map<string, { name: string; content: Uint8Array }>();
  for (const [path, node] of tree.nodes) {
    if (node.kind !== 'file' || !path.startsWith(folder) || !path.endsWith('.ko')) continue;
    const name = path.slice(path.lastIndexOf('/') + 1);
    files.set(name.slice(0, -3).replaceAll('-', '_'), { name, content: unsigned(node.content) });
  }
  const ordered = new Map<string, { name: string; content: Uint8Array }>();
  const visit = (name: string): void => {
    const file = files.get(name);
    if (!file || ordered.has(name)) return;
    const text = Buffer.from(file.content).toString('latin1');
    const needs = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
    for (const need of needs.split(',')) visit(need.replaceAll('-', '_'));
    ordered.set(name, file);
  };
  names.forEach(visit);
  return [...ordered.values()];
}

/** Without its signature, whose check takes an emulated CPU a second: it came by a verified package. */
function unsigned(module: Uint8Array): Uint8Array {
  const magic = '~Module signature appended~\n';
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  if (bytes.subarray(-magic.length).toString('latin1') !== magic) return module;
  const length = bytes.readUInt32BE(bytes.length - magic.length - 4);
  return bytes.subarray(0, bytes.length - magic.length - 12 - length);
}

const initScript = (modules: readonly string[]): string => `#!/bin/busybox sh
# Guesthouse: finds the root file system that the kernel's command line names, and goes on there.
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sysfs /sys
$bb mount -t devtmpfs dev /dev
${modules.map((name) => `$bb insmod /modules/${name}`).join('\n')}
for word in $($bb cat /proc/cmdline); do
	case "$word" in
	root=UUID=*) uuid=\${word#root=} ;;
	esac
done
tries=0
until device=$($bb findfs "$uuid") && $bb mount -t ext4 "$device" /root; do
	tries=$((tries + 1))
	if [ $tries -ge 50 ]; then
		echo "The disk with $uuid is not there. Is it attached, as a virtio disk?"
		exec $bb setsid $bb cttyhack $bb sh
	fi
	$bb usleep 100000
done
$bb mount --move /dev /root/dev
$bb umount /sys /proc
exec $bb switch_root /root /${firstBootPath}
`;
