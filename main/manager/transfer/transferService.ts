/** Import and export of VMs. Nothing is overwritten; what a cancelled or failed task has made is removed. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../../../shared/services/errors.ts';
import type { TransferService } from '../../../shared/services/transfer.ts';
import type { VmConfig } from '../../../shared/vm/config.ts';
import type { Home } from '../home.ts';
import type { TaskList, TaskWatch } from '../taskList.ts';
import { checkDisksExist } from '../vmDisks.ts';
import type { VmLibrary } from '../vmLibrary.ts';
import { bundleMembers, previewBundle, readBundle } from './bundle.ts';
import { exportOvf, ovfNames } from './exportOvf.ts';
import { importBundle } from './importBundle.ts';
import { importMachine, readMachine } from './importMachine.ts';
import { checkFree, place } from './newFile.ts';
import { makeScratch } from './scratchFolder.ts';
import { writeTar } from './tarFile.ts';
import { kindOf } from './transferKind.ts';

interface Parts {
  readonly home: Home;
  /** Where new disks are made. */
  disksFolder(): Promise<string>;
  readonly vms: VmLibrary;
  readonly tasks: TaskList;
  /** Throws UserError. */
  refuseActive(id: string, what: string): void;
  changed(): void;
}

export function createTransferService(parts: Parts): TransferService {
  const { home, vms, tasks } = parts;

  const freeName = async (wanted: string): Promise<string> => {
    const taken = new Set((await vms.list()).map(({ name }) => name.toLowerCase()));
    const base = wanted.trim().slice(0, 90) || 'Imported';
    for (let count = 1; ; count++) {
      const name = count === 1 ? base : `${base} ${count}`;
      if (!taken.has(name.toLowerCase())) return name;
    }
  };

  const importVm = async (path: string, name: string, watch: TaskWatch): Promise<VmConfig> => {
    const disksFolder = await parts.disksFolder();
    const placed = { disksFolder, mediaFolder: home.mediaFolder, vms };
    const scratch = await makeScratch(disksFolder);
    try {
      return await (kindOf(path) === 'bundle'
        ? importBundle(placed, path, name, scratch, watch)
        : importMachine(placed, path, name, scratch, watch));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };

  return {
    preview: async (path) => {
      const kind = kindOf(path);
      await checkThere(path);
      if (kind === 'bundle') {
        const { bundle, screenshot } = await previewBundle(path);
        const { config, disks, hasState } = bundle;
        const notes = hasState ? ['It goes on from its saved state.'] : [];
        const { name, memoryMiB, cpus } = config;
        return {
          ...{ kind, name, memoryMiB, cpus, disks: disks.length, notes },
          ...(screenshot && { screenshot }),
        };
      }
      const { name, memoryMiB, cpus, disks, notes, uefi } = await readMachine(path);
      const sizes = disks.map(({ size }) => size);
      const all = uefi ? [...notes, uefiNote] : notes;
      return {
        ...{ kind, name, memoryMiB, cpus, disks: disks.length, notes: all },
        ...(sizes.every((size) => size !== undefined) &&
          sizes.length > 0 && { size: sizes.reduce((sum, size) => sum + size, 0) }),
      };
    },
    import: async (path, { name }) => {
      kindOf(path);
      await checkThere(path);
      if (name !== undefined) await vms.checkName(name);
      const found =
        kindOf(path) === 'bundle' ? (await readBundle(path)).config : await readMachine(path);
      const wanted = name ?? (await freeName(found.name));
      return tasks.run({ kind: 'import', subject: wanted }, async (watch) => {
        const { id } = await importVm(path, wanted, watch);
        parts.changed();
        return { vmId: id };
      });
    },
    export: async (id, path) => {
      const kind = kindOf(path);
      if (kind === 'vbox')
        throw new UserError({
          code: 'transfer-kind',
          message: 'Machines of VirtualBox can be imported, but not written.',
          hint: 'Export to a file that ends in .ova, which VirtualBox imports.',
        });
      const config = await vms.get(id);
      parts.refuseActive(id, 'export it');
      await checkDisksExist(config);
      const files = kind === 'ovf' ? ovfNames(path, config) : [path];
      for (const file of files) await checkFree(file);
      return tasks.run({ kind: 'export', subject: path }, async (watch) => {
        const scratch = `${path}.export-${randomUUID()}`;
        await mkdir(scratch, { mode: 0o700 });
        try {
          if (kind === 'bundle') {
            const folder = vms.folderOf(id);
            const members = await bundleMembers(config, folder, scratch, watch);
            watch.step(basename(path));
            await writeTar(join(scratch, 'bundle'), members, watch);
            await place(join(scratch, 'bundle'), path);
          } else await exportOvf(config, path, kind, scratch, watch);
        } finally {
          await rm(scratch, { recursive: true, force: true });
        }
      });
    },
  };
}

const uefiNote = 'It boots by UEFI: choose a firmware in its settings before it is started.';

async function checkThere(path: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isFile()) return;
  throw new UserError({
    ...{ code: 'missing', message: `There is no file ${path}.` },
    hint: 'Check its name and folder.',
  });
}
