/**
 * A Debian system on a disk: mmdebstrap's packages on ext4 in the first partition, GRUB's boot.img in the MBR and its
 * core image behind it, where grub-install puts them. Building it takes minutes and root; it is kept in the cache.
 */
import { copyFile, mkdir, mkdtemp, open, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { cached, contentKey, GuestsUnavailable, hostTool } from '../guestCache.ts';

const mirror = process.env.GUESTHOUSE_DEBIAN_MIRROR ?? 'http://deb.debian.org/debian';
const grub = '/usr/lib/grub/i386-pc';
const MiB = 2 ** 20;
export const partitionStart = 1 * MiB;
const fileSystemMiB = 700;
const uuid = '5f0c2a2e-6e2b-4b5e-9a59-6775657374aa';

/** What the initramfs has to find the root file system with, on every kind of disk. */
const rootModules = [
  'virtio_pci',
  'virtio_blk',
  'ata_piix',
  'ahci',
  'sd_mod',
  'ext4',
  'crc32c_generic',
];
/** Left out when the kernel is unpacked: drivers of hardware that no machine of ours has. */
const leftOut = [
  ...['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/zoneinfo/*'],
  ...[
    'gpu/drm/amd',
    'gpu/drm/i915',
    'gpu/drm/nouveau',
    'gpu/drm/radeon',
    'net/wireless',
    'media',
    'infiniband',
  ].map((folder) => `/lib/modules/*/kernel/drivers/${folder}/*`),
  ...[
    'net/ethernet',
    'staging',
    'iio',
    'scsi',
    'mtd',
    'isdn',
    'usb',
    'hwmon',
    'platform',
    'bluetooth',
  ].map((folder) => `/lib/modules/*/kernel/drivers/${folder}/[!s]*`),
  '/lib/modules/*/kernel/sound/*',
];

const grubConfig = `set timeout=1
menuentry 'Debian on a Guesthouse disk' {
  search --no-floppy --fs-uuid --set=root ${uuid}
  echo 'Loading Linux ...'
  linux /vmlinuz root=UUID=${uuid} ro nomodeset
  echo 'Loading initial ramdisk ...'
  initrd /initrd.img
}
`;

/** Address, route and names by DHCP and router advertisements, as Debian's cloud images have them. */
const networkConfig = '[Match]\\nName=en* eth*\\n[Network]\\nDHCP=yes\\nIPv6AcceptRA=yes\\n';

/** Path of the master image; take a copy to boot it. */
export async function debianDisk(): Promise<string> {
  const key = contentKey('debian disk 2', grubConfig, networkConfig, ...leftOut, ...rootModules);
  return cached(`disks/debian-${key}.img`, async (image) => {
    if (process.getuid?.() !== 0)
      throw new GuestsUnavailable('Building a Debian disk with mmdebstrap needs root.');
    const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-debian-'));
    try {
      const root = path.join(folder, 'root');
      await bootstrap(root);
      await installGrub(root, folder);
      await assemble(image, root, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** A copy to be written to; holes stay holes. */
export async function copyOfDebianDisk(target: string): Promise<void> {
  await copyFile(await debianDisk(), target, constants.COPYFILE_FICLONE);
}

async function bootstrap(root: string): Promise<void> {
  const configure = [
    'mkdir -p "$1/etc/initramfs-tools/conf.d"',
    'echo MODULES=list > "$1/etc/initramfs-tools/conf.d/modules"',
    `printf '${rootModules.join('\\n')}\\n' > "$1/etc/initramfs-tools/modules"`,
    // The package's own copy of this file must not be asked about.
    'echo "UMASK=0077" > "$1/etc/initramfs-tools/conf.d/umask"',
  ].join('; ');
  const personalise = [
    'echo guest > "$1/etc/hostname"',
    `echo "UUID=${uuid} / ext4 defaults 0 1" > "$1/etc/fstab"`,
    'chroot "$1" passwd -d root',
    `printf '${networkConfig}' > "$1/etc/systemd/network/wired.network"`,
    'chroot "$1" systemctl enable systemd-networkd systemd-resolved',
    'rm -f "$1/etc/machine-id"; : > "$1/etc/machine-id"',
  ].join('; ');
  await hostTool('mmdebstrap', [
    ...['--quiet', '--variant=minbase', '--mode=root', '--format=directory'],
    '--include=linux-image-amd64,systemd-sysv,udev,dbus,systemd-resolved,iproute2',
    ...[
      '--aptopt=Apt::Install-Recommends "false"',
      '--dpkgopt=force-confold',
      '--dpkgopt=force-unsafe-io',
    ],
    ...leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    '--dpkgopt=path-include=/lib/modules/*/kernel/drivers/net/ethernet/intel/e1000/*',
    ...[`--essential-hook=${configure}`, `--customize-hook=${personalise}`],
    ...['bookworm', root, mirror],
  ]);
}

/** /boot/grub as grub-install leaves it, and core.img. */
async function installGrub(root: string, folder: string): Promise<void> {
  const boot = path.join(root, 'boot/grub');
  await mkdir(boot, { recursive: true });
  await hostTool('cp', ['-r', grub, boot]);
  await writeFile(path.join(boot, 'grub.cfg'), grubConfig);
  await hostTool('grub-mkimage', [
    ...['-O', 'i386-pc', '-d', grub, '-p', '(hd0,msdos1)/boot/grub'],
    ...['-o', path.join(folder, 'core.img'), 'biosdisk', 'part_msdos', 'ext2'],
  ]);
}

async function assemble(image: string, root: string, folder: string): Promise<void> {
  const fileSystem = path.join(folder, 'root.ext4');
  await writeFile(fileSystem, '');
  await truncate(fileSystem, fileSystemMiB * MiB);
  await hostTool('/sbin/mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-L', 'debian', '-U', uuid, '-d', root, fileSystem],
  ]);
  const core = path.join(folder, 'core.img');
  if ((await stat(core)).size > partitionStart - 512) throw new Error('core.img does not fit');
  await writeFile(image, await masterBootRecord());
  await truncate(image, partitionStart + fileSystemMiB * MiB);
  const copy = (from: string, seek: number): Promise<string> =>
    hostTool('dd', [
      `if=${from}`,
      `of=${image}`,
      'bs=64K',
      `seek=${seek}`,
      'oflag=seek_bytes',
      'conv=notrunc,sparse',
      'status=none',
    ]);
  await copy(core, 512);
  await copy(fileSystem, partitionStart);
}

/** boot.img, which looks for core.img in sector 1, with one active Linux partition. */
async function masterBootRecord(): Promise<Uint8Array> {
  const sector = new Uint8Array(512);
  const file = await open(path.join(grub, 'boot.img'));
  await file.read(sector, 0, 440, 0);
  await file.close();
  const view = new DataView(sector.buffer);
  sector.set([0x80, 0x20, 0x21, 0x00, 0x83, 0xfe, 0xff, 0xff], 446);
  view.setUint32(454, partitionStart / 512, true);
  view.setUint32(458, (fileSystemMiB * MiB) / 512, true);
  view.setUint16(510, 0xaa55, true);
  return sector;
}
