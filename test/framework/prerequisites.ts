/**
 * Debian packages that the tests use as oracles, tools and guests. Installed when missing, if this
 * is a Debian system and we are root; otherwise tests that need one say so and skip.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Package → a file that shows it is there. */
const packages: Readonly<Record<string, string>> = {
  'qemu-system-x86': '/usr/bin/qemu-system-x86_64',
  'qemu-utils': '/usr/bin/qemu-img',
  nbdkit: '/usr/bin/nbdkit',
  'nbd-server': '/usr/bin/nbd-server',
  chromium: '/usr/bin/chromium',
  gcc: '/usr/bin/gcc',
  binutils: '/usr/bin/objcopy',
  'gcc-multilib': '/usr/include/asm',
  e2fsprogs: '/usr/sbin/mke2fs',
  'xz-utils': '/usr/bin/xz',
  lz4: '/usr/bin/lz4',
  zstd: '/usr/bin/zstd',
  tshark: '/usr/bin/tshark',
  'dnsmasq-base': '/usr/sbin/dnsmasq',
  'openssh-client': '/usr/bin/ssh',
  'openssh-server': '/usr/sbin/sshd',
  nmap: '/usr/bin/nmap',
  samba: '/usr/sbin/smbd',
  smbclient: '/usr/bin/smbclient',
  iperf3: '/usr/bin/iperf3',
  curl: '/usr/bin/curl',
  openssl: '/usr/bin/openssl',
  iproute2: '/usr/sbin/ip',
  'acpica-tools': '/usr/bin/iasl',
  dmidecode: '/usr/sbin/dmidecode',
  seabios: '/usr/share/seabios/bios-256k.bin',
  ovmf: '/usr/share/OVMF/OVMF_CODE_4M.fd',
  'grub-rescue-pc': '/usr/lib/grub-rescue/grub-rescue-cdrom.iso',
  'grub-pc-bin': '/usr/lib/grub/i386-pc/boot.img',
  'grub-efi-amd64-bin': '/usr/lib/grub/x86_64-efi/modinfo.sh',
  'grub-common': '/usr/bin/grub-mkimage',
  'memtest86+': '/usr/lib/memtest86+/memtest86+x64.iso',
  ipxe: '/usr/lib/ipxe/ipxe.iso',
  isolinux: '/usr/lib/ISOLINUX/isolinux.bin',
  syslinux: '/usr/bin/syslinux',
  'syslinux-common': '/usr/lib/syslinux/modules/bios/ldlinux.c32',
  mtools: '/usr/bin/mcopy',
  dosfstools: '/usr/sbin/mkfs.vfat',
  xorriso: '/usr/bin/xorriso',
  mmdebstrap: '/usr/bin/mmdebstrap',
  'p7zip-full': '/usr/bin/7za',
  rpm: '/usr/bin/rpmbuild',
  'desktop-file-utils': '/usr/bin/desktop-file-validate',
  'debian-installer-12-netboot-amd64':
    '/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/linux',
};

/** Installs what is missing; returns the packages that are still missing, with the reason. */
export function installPrerequisites(): { missing: string[]; reason: string } {
  const missing = (): string[] =>
    Object.entries(packages)
      .filter(([, file]) => !existsSync(file))
      .map(([name]) => name);
  const wanted = missing();
  if (wanted.length === 0) return { missing: [], reason: '' };
  if (!existsSync('/usr/bin/apt-get')) return { missing: wanted, reason: 'this system has no apt' };
  if (process.getuid?.() !== 0)
    return {
      missing: wanted,
      reason: 'installing packages needs root: run `npm test` as root once',
    };
  const apt = (...args: string[]): boolean =>
    spawnSync('apt-get', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  process.stdout.write(`Installing Debian packages for the tests: ${wanted.join(' ')}\n`);
  const ok =
    apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', ...wanted);
  return { missing: missing(), reason: ok ? '' : 'apt-get failed (see above)' };
}
