/** The media manager: what images there are, who uses them, and what can be done to them. */
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type { MediaService, MediumEntry, MediumUser } from '../../shared/services/media.ts';
import { useOf } from '../../shared/media/mediumUse.ts';
import type { DiskConfig, VmConfig } from '../../shared/vm/config.ts';
import { isNbdAddress } from '../../shared/vm/nbdAddress.ts';
import { diskTool } from './diskTool.ts';
import type { Home } from './home.ts';
import { inspectFile } from './hostService.ts';
import { moveMedium, pathsOfDrives, usedBySnapshots } from './mediumMove.ts';
import type { TaskList } from './taskList.ts';
import { extensions, freePath, sourceOf } from './vmDisks.ts';
import type { VmLibrary } from './vmLibrary.ts';

interface Parts {
  readonly home: Home;
  readonly vms: VmLibrary;
  readonly tasks: TaskList;
  isActive(id: string): boolean;
  changed(): void;
}

type Found = { -readonly [K in keyof MediumEntry]: MediumEntry[K] } & {
  users: MediumUser[];
  disk?: DiskConfig;
};

export function createMediaService(parts: Parts): MediaService {
  const { home, vms, tasks } = parts;

  const configs = async (): Promise<VmConfig[]> =>
    (await vms.list()).flatMap(({ config }) => config ?? []);

  const list = async (): Promise<MediumEntry[]> => {
    const found = new Map<string, Found>();
    const add = (path: string, as: MediumEntry['as'], vm?: VmConfig, disk?: DiskConfig): void => {
      let entry = found.get(path);
      if (!entry) found.set(path, (entry = { path, as, users: [], ...(disk && { disk }) }));
      if (vm && !entry.users.some(({ vmId }) => vmId === vm.id))
        entry.users.push({ vmId: vm.id, name: vm.name, live: parts.isActive(vm.id) });
    };
    for (const vm of await configs()) {
      const kept = await usedBySnapshots(vms.folderOf(vm.id));
      for (const disk of [...vm.disks, ...kept.disks]) add(disk.path, 'disk', vm, disk);
      for (const { path } of [...vm.cdroms, ...kept.cdroms])
        if (path !== undefined) add(path, 'cdrom', vm);
      for (const { path } of [...vm.floppies, ...kept.floppies])
        if (path !== undefined) add(path, 'floppy', vm);
    }
    for (const folder of [home.disksFolder, home.mediaFolder])
      for (const path of await filesIn(folder)) {
        if (found.has(path)) continue;
        const use = await inspectFile(path).then(
          ({ medium }) => useOf(medium)?.as,
          () => undefined,
        );
        const as = use === 'cdrom' || use === 'floppy' ? use : 'disk';
        if (use !== 'kernel' && (use !== undefined || folder === home.disksFolder)) add(path, as);
      }
    await Promise.all([...found.values()].map((entry) => describe(entry)));
    // Whoever uses an image uses those that it builds on.
    for (const entry of found.values())
      for (let base = entry.backing; base !== undefined; base = found.get(base)?.backing) {
        const below = found.get(base);
        for (const user of entry.users)
          if (below && !below.users.some(({ vmId }) => vmId === user.vmId)) below.users.push(user);
      }
    return [...found.values()]
      .map(({ disk: _disk, ...entry }) => entry)
      .sort((a, b) => basename(a.path).localeCompare(basename(b.path)));
  };

  const entryOf = async (path: string): Promise<MediumEntry> => {
    const entry = (await list()).find((one) => one.path === path);
    if (entry) return entry;
    throw new UserError({
      code: 'no-such-medium',
      message: `The library does not know the file ${path}.`,
      hint: 'See the list of media.',
    });
  };
  const refuseLive = ({ path, users }: MediumEntry): void => {
    const user = users.find(({ live }) => live);
    if (user === undefined) return;
    throw new UserError({
      code: 'running',
      message: `"${user.name}" is running and uses ${path}.`,
      hint: 'Power it off first.',
    });
  };
  /** A snapshot has the disk as it was, and images on top of it expect that too. */
  const refuseBuiltOn = async (path: string): Promise<void> => {
    for (const { id, name } of await configs()) {
      const kept = await usedBySnapshots(vms.folderOf(id));
      if (!pathsOfDrives(kept).includes(path)) continue;
      throw new UserError({
        code: 'has-snapshots',
        message: `"${name}" has snapshots of the disk ${path}.`,
        hint: 'Delete the snapshots first, or convert the disk to another one.',
      });
    }
    const above = (await list()).find(({ backing }) => backing === path);
    if (above === undefined) return;
    throw new UserError({
      code: 'in-use',
      message: `The image ${above.path} builds on ${path}, so that cannot be changed.`,
      hint: 'Convert it to another image and resize that.',
    });
  };
  const diskOf = async (path: string): Promise<DiskConfig> =>
    (await configs()).flatMap(({ disks }) => disks).find((disk) => disk.path === path) ?? {
      ...{ path, format: 'auto', allowedFolders: [], readOnly: false, interface: 'virtio' },
    };

  return {
    list,
    create: async (name, sizeMiB, format) => {
      const path = await freePath(home.disksFolder, name, extensions[format]);
      await (await diskTool()).createDisk({ path, format, size: sizeMiB * 2 ** 20 });
      return { path };
    },
    convert: async (path, format) => {
      refuseLive(await entryOf(path));
      const disk = await diskOf(path);
      const name = basename(path, extname(path));
      const target = await freePath(dirname(path), name, extensions[format]);
      return tasks.run({ kind: 'convert', subject: target }, async ({ signal, progress }) => {
        const { convertDisk } = await diskTool();
        await convertDisk(sourceOf(disk), { path: target, format }, { signal, progress });
      });
    },
    resize: async (path, sizeMiB) => {
      const entry = await entryOf(path);
      refuseLive(entry);
      await refuseBuiltOn(path);
      const source = sourceOf(await diskOf(path));
      const { resizeDisk } = await diskTool();
      const size = sizeMiB * 2 ** 20;
      await resizeDisk(source, size, { shrink: false, dryRun: true });
      return tasks.run({ kind: 'resize', subject: path }, async (watch) => {
        await resizeDisk(source, size, { shrink: false, watch });
      });
    },
    relocate: async (path, to) => {
      if (!isAbsolute(to))
        throw new UserError({
          ...{ code: 'invalid', message: `"${to}" is not an absolute path.` },
          hint: 'Give the whole path.',
        });
      refuseLive(await entryOf(path));
      await inspectFile(to);
      const known = (await list()).filter(({ as }) => as === 'disk').map((one) => one.path);
      await moveMedium(vms, path, to, known);
      parts.changed();
    },
    remove: async (path) => {
      const { users } = await entryOf(path);
      if (users.length > 0)
        throw new UserError({
          code: 'in-use',
          message: `${path} is used by ${users.map(({ name }) => `"${name}"`).join(', ')}.`,
          hint: 'Take it out of the VM first.',
        });
      await rm(path, { force: true });
    },
  };
}

async function describe(entry: Found): Promise<void> {
  if (isNbdAddress(entry.path)) {
    entry.remote = true;
    return;
  }
  const status = await stat(entry.path).catch(() => undefined);
  if (status === undefined) return;
  entry.fileSize = status.size;
  // Blocks are of 512 bytes whatever the file system's own are; Windows tells none of small files.
  entry.storedSize = process.platform === 'win32' ? status.size : status.blocks * 512;
  // To look into a compressed image may be to decompress all of it.
  if (entry.as !== 'disk' || /\.(gz|xz|zst)$/i.test(entry.path)) return;
  try {
    const source = entry.disk
      ? sourceOf(entry.disk)
      : { path: entry.path, format: 'auto' as const, allowedFolders: [] };
    // A running VM has it locked.
    if (entry.users.some(({ live }) => live)) {
      const { format, size, backing } = await (await diskTool()).diskLayer(entry.path);
      Object.assign(entry, { format, diskSize: size, ...(backing !== undefined && { backing }) });
      return;
    }
    const [top, below] = await (await diskTool()).diskInfo(source);
    entry.format = top!.format;
    entry.diskSize = top!.size;
    if (below) entry.backing = below.path;
  } catch (error) {
    entry.problem = error instanceof Error ? error.message : String(error);
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && !/\.(lock|part|lock\.new-[\w-]+)$/.test(entry.name))
    .map(({ name }) => join(folder, name));
}
