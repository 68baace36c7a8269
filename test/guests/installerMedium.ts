/** Debian's installer as an ISO that boots by isolinux, made from Debian's packages: its menu, kernel and initrd. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { debianPackages, packageVersion } from './debianPackages.ts';
import { cached, contentKey, hostTool } from './guestCache.ts';

/** The volume label, written as Debian's own media have it. */
export const installerLabel = 'Debian 12.0.0 amd64 n';

/** Path of the ISO. */
export async function installerMedium(): Promise<string> {
  const [installer, isolinux] = await debianPackages(
    ['debian-installer-12-netboot-amd64', 'isolinux'],
    'amd64',
  );
  if (installer === undefined || isolinux === undefined) throw new Error('unreachable');
  const key = contentKey('1', await packageVersion(installer), await packageVersion(isolinux));
  return cached(`media/debian-installer-${key}.iso`, async (target) => {
    const root = await mkdtemp(path.join(tmpdir(), 'guesthouse-iso-'));
    try {
      const images = 'usr/lib/debian-installer/images/12/amd64/text/debian-installer';
      await cp(path.join(installer, images), path.join(root, 'debian-installer'), {
        recursive: true,
      });
      const menus = path.join(root, 'debian-installer/amd64/boot-screens');
      const loader = path.join(root, 'isolinux');
      await mkdir(loader);
      await cp(
        path.join(isolinux, 'usr/lib/ISOLINUX/isolinux.bin'),
        path.join(loader, 'isolinux.bin'),
      );
      for (const name of await readdir(menus)) {
        const file = path.join(menus, name);
        if (/^lib|^ldlinux/.test(name)) await cp(file, path.join(loader, name));
        if (!name.endsWith('.cfg')) continue;
        // The package is for the network, where paths begin at the server's folder.
        const text = await readFile(file, 'utf8');
        await writeFile(file, text.replace(/(^|[ =])debian-installer\//gm, '$1/debian-installer/'));
      }
      await writeFile(
        path.join(loader, 'isolinux.cfg'),
        [
          'path /debian-installer/amd64/boot-screens/',
          'include /debian-installer/amd64/boot-screens/menu.cfg',
          'default /debian-installer/amd64/boot-screens/vesamenu.c32',
          'prompt 0',
          'timeout 0',
          '',
        ].join('\n'),
      );
      await hostTool('xorriso', [
        ...['-as', 'mkisofs', '-quiet', '-V', installerLabel, '-o', target],
        ...['-b', 'isolinux/isolinux.bin', '-c', 'isolinux/boot.cat', '-no-emul-boot'],
        ...['-boot-load-size', '4', '-boot-info-table', root],
      ]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
}
