/** A file that VMs use lies elsewhere now: configurations, snapshots and images that build on it follow. */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type { DiskConfig, VmConfig } from '../../shared/vm/config.ts';
import { isLayer } from './diskLayers.ts';
import { diskTool } from './diskTool.ts';
import { lockFolder } from './folderLock.ts';
import { readHistory, writeHistory } from './snapshotHistory.ts';
import type { VmLibrary } from './vmLibrary.ts';

type Drives = Pick<VmConfig, 'disks' | 'cdroms' | 'floppies'>;

export const pathsOfDrives = ({ disks, cdroms, floppies }: Drives): string[] =>
  [...disks, ...cdroms, ...floppies].flatMap(({ path }) => path ?? []);

/** What a VM's snapshots use besides its own layers. A record that cannot be read names nothing. */
export async function usedBySnapshots(folder: string): Promise<Drives> {
  const history = await readHistory(folder).catch(() => undefined);
  if (history === undefined) return { disks: [], cdroms: [], floppies: [] };
  const { originals, snapshots } = history;
  const all = snapshots.map(({ config }) => config);
  const disks = [...originals, ...all.flatMap((config) => config.disks)];
  return {
    disks: disks.filter(({ path }) => !isLayer(folder, path)),
    cdroms: all.flatMap(({ cdroms }) => cdroms),
    floppies: all.flatMap(({ floppies }) => floppies),
  };
}

/** Rejects with UserError before anything is changed if an image that builds on it cannot follow. */
export async function moveMedium(
  vms: VmLibrary,
  from: string,
  to: string,
  known: readonly string[],
): Promise<void> {
  const configs = (await vms.list()).flatMap(({ config }) => config ?? []);
  const folders = configs.map(({ id }) => vms.folderOf(id));
  await moveBackings(from, to, [...known, ...(await layersIn(folders))]);
  const moved = (config: VmConfig): VmConfig => ({ ...config, ...movedDrives(config, from, to) });
  for (const config of configs) {
    const folder = vms.folderOf(config.id);
    const release = await lockFolder(folder);
    try {
      const history = await readHistory(folder);
      const uses = await usedBySnapshots(folder);
      if (pathsOfDrives(uses).includes(from)) {
        await writeHistory(folder, {
          ...history,
          originals: movedDisks(history.originals, from, to),
          snapshots: history.snapshots.map((one) => ({ ...one, config: moved(one.config) })),
          ...(history.saved && {
            saved: { ...history.saved, disks: history.saved.disks.map(renamed(from, to)) },
          }),
        });
      }
      // Also for those whose layers build on it: they may lie in its folder.
      if (pathsOfDrives(config).includes(from) || pathsOfDrives(uses).includes(from))
        await vms.modify(config.id, movedDrives(config, from, to));
    } finally {
      await release();
    }
  }
}

const renamed =
  (from: string, to: string) =>
  (path: string): string =>
    path === from ? to : path;

/** Layers find what they build on in its folder, which they may look into. */
const movedDisks = (disks: readonly DiskConfig[], from: string, to: string): DiskConfig[] =>
  disks.map((disk) => {
    if (disk.path === from) return { ...disk, path: to };
    const { allowedFolders } = disk;
    if (!allowedFolders.includes(dirname(from)) || allowedFolders.includes(dirname(to)))
      return disk;
    return { ...disk, allowedFolders: [...allowedFolders, dirname(to)] };
  });

function movedDrives({ disks, cdroms, floppies }: Drives, from: string, to: string): Drives {
  const move = <T extends { path?: string | undefined }>(drives: readonly T[]): T[] =>
    drives.map((drive) => (drive.path === from ? { ...drive, path: to } : drive));
  return { disks: movedDisks(disks, from, to), cdroms: move(cdroms), floppies: move(floppies) };
}

async function layersIn(folders: readonly string[]): Promise<string[]> {
  const lists = folders.map(async (folder) =>
    (await readdir(join(folder, 'disks')).catch(() => []))
      .filter((name) => name.endsWith('.qcow2'))
      .map((name) => join(folder, 'disks', name)),
  );
  return (await Promise.all(lists)).flat();
}

async function moveBackings(from: string, to: string, images: readonly string[]): Promise<void> {
  const tool = await diskTool();
  const above: string[] = [];
  for (const path of new Set(images)) {
    const layer = await tool.diskLayer(path).catch(() => undefined);
    if (layer?.backing !== from) continue;
    if (layer.format !== 'qcow2')
      throw new UserError({
        code: 'unsupported',
        message: `${path} builds on ${from}, and images of the format ${layer.format} cannot be told another place.`,
        hint: 'Move the file back, or keep its name and folder.',
      });
    above.push(path);
  }
  for (const path of above)
    await tool.rebaseDisk(
      { path, format: 'qcow2', allowedFolders: [dirname(to)] },
      { path: to, format: 'auto', allowedFolders: [] },
      { sameContent: true },
    );
}
