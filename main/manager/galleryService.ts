/** The gallery: VMs that are built from a distribution's packages. */
import { join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type { GalleryService } from '../../shared/services/gallery.ts';
import type { Preferences } from '../../shared/vm/preferences.ts';
import { galleryEntries } from '../gallery/galleryEntry.ts';
import { hostMirror } from '../gallery/hostMirror.ts';
import type { Home } from './home.ts';
import type { TaskList } from './taskList.ts';
import { freePath, removeFiles } from './vmDisks.ts';
import type { VmLibrary } from './vmLibrary.ts';

interface Parts {
  readonly home: Home;
  readonly vms: VmLibrary;
  readonly tasks: TaskList;
  preferences(): Promise<Preferences>;
  /** Where new disks are made. */
  disksFolder(): Promise<string>;
  changed(): void;
}

export function createGalleryService(parts: Parts): GalleryService {
  const { home, vms, tasks } = parts;
  const folder = join(home.folder, 'gallery');
  return {
    list: async () => {
      const { entries, problems } = await galleryEntries(folder);
      return {
        guests: entries.map(({ id, name, description, memoryMiB, diskMiB }) => ({
          ...{ id, name, description, memoryMiB, diskMiB },
        })),
        problems,
      };
    },
    create: async (guestId, { name, memoryMiB }) => {
      const { entries } = await galleryEntries(folder);
      const entry = entries.find(({ id }) => id === guestId);
      if (!entry) {
        throw new UserError({
          code: 'no-such-guest',
          message: `The gallery has no "${guestId}".`,
          hint: `It has: ${entries.map(({ id }) => id).join(', ')}.`,
        });
      }
      await vms.checkName(name);
      return tasks.run({ kind: 'gallery', subject: name }, async (watch) => {
        // The builder and OpenPGP are not needed for anything else.
        const { buildDebian } = await import('../gallery/buildDebian.ts');
        const mirror =
          (await parts.preferences()).debianMirror ?? (await hostMirror()) ?? entry.debian.mirror;
        const path = await freePath(await parts.disksFolder(), name, 'qcow2');
        const disk = { path, format: 'qcow2' as const };
        try {
          const boot = await buildDebian(
            entry,
            { mirror, folder, diskPath: path, vmName: name },
            watch,
          );
          watch.signal.throwIfAborted();
          const vm = await vms.create({
            ...{ name, boot, disks: [disk], memoryMiB: memoryMiB ?? entry.memoryMiB },
            description: entry.description['en'] ?? '',
          });
          parts.changed();
          return { vmId: vm.id };
        } catch (error) {
          await removeFiles([disk]);
          throw error;
        }
      });
    },
  };
}
