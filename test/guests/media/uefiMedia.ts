/** A CD-ROM for UEFI firmware: GRUB in an EFI system partition, which starts Linux or Memtest86+ (both Debian's). */
import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { busyboxInitramfs } from '../busyboxInitramfs.ts';
import { debianKernel } from '../debianKernel.ts';
import { cached, contentKey, hostTool } from '../guestCache.ts';
import { inFolder, makeIso } from './loaderMedia.ts';

const memtest = '/boot/memtest86+x64.efi';
/** What GRUB needs for the menu below. */
const modules = 'normal configfile iso9660 search search_fs_file linux chain all_video';
const partitionKiB = 4096;

const menu = `set timeout=-1
insmod all_video
search --no-floppy --file --set=root /linux
menuentry 'Linux' --hotkey=l {
  linux /linux console=ttyS0 quiet tsc=reliable
  initrd /initrd
}
menuentry 'Memtest86+' --hotkey=m {
  chainloader /memtest.efi console=ttyS0,115200
}
`;

/** Says what firmware started it, and powers off. */
const script = `
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
echo "EFI $(cat /sys/firmware/efi/fw_platform_size) bits"
ls /sys/firmware/efi/efivars | sed -n 's/^BootCurrent-.*/&/p'
`;

export async function uefiIso(): Promise<string> {
  const kernel = await debianKernel('cloud-amd64');
  const initramfs = await busyboxInitramfs(kernel, {
    ...{ script, modules: ['efivarfs'], unsigned: true },
  });
  const key = contentKey('1', menu, modules, kernel.version, path.basename(initramfs));
  return cached(`media/uefi-${key}.iso`, (image) =>
    inFolder(async (folder) =>
      inFolder(async (scratch) => {
        const config = path.join(scratch, 'grub.cfg');
        await writeFile(config, menu);
        const loader = path.join(scratch, 'bootx64.efi');
        await hostTool('grub-mkstandalone', [
          ...['-O', 'x86_64-efi', '-o', loader, `--install-modules=${modules}`],
          ...['--locales=', '--fonts=', '--themes=', `boot/grub/grub.cfg=${config}`],
        ]);
        const partition = path.join(folder, 'efi.img');
        await hostTool('/sbin/mkfs.vfat', ['-C', partition, String(partitionKiB)]);
        await hostTool('mmd', ['-i', partition, '::EFI', '::EFI/BOOT']);
        await hostTool('mcopy', ['-i', partition, loader, '::EFI/BOOT/BOOTX64.EFI']);
        await copyFile(kernel.image, path.join(folder, 'linux'));
        await copyFile(initramfs, path.join(folder, 'initrd'));
        await copyFile(memtest, path.join(folder, 'memtest.efi'));
        await makeIso(image, folder, '-e', 'efi.img', '-no-emul-boot');
      }),
    ),
  );
}
