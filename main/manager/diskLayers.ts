/**
 * The layers of a VM's disks: QCOW2 images in `disks` of its folder, each on the one before, the first on the disk
 * that the user attached. A layer that no snapshot names any more is merged with the one on top of it. Every step
 * leaves each disk reading what it read, so a crash between any two of them loses nothing.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DiskConfig, VmConfig } from '../../shared/vm/config.ts';
import type { DiskToolModule } from '../../shared/vm/diskTool.ts';
import type { SnapshotHistory } from './snapshotHistory.ts';

export interface NewLayer {
  /** Index of the disk in the configuration. */
  readonly disk: number;
  readonly path: string;
}

const disksFolder = (folder: string): string => join(folder, 'disks');

export const isLayer = (folder: string, path: string): boolean =>
  dirname(path) === disksFolder(folder);

/** The configuration with new layers on its disks, which are yet to be made, and what those are. */
export async function planLayers(
  folder: string,
  config: VmConfig,
  originals: readonly DiskConfig[],
  mark: string,
): Promise<{ config: VmConfig; layers: NewLayer[]; originals: DiskConfig[] }> {
  await mkdir(disksFolder(folder), { recursive: true, mode: 0o700 });
  const layers: NewLayer[] = [];
  const known = [...originals];
  const disks = config.disks.map((disk, index): DiskConfig => {
    if (disk.readOnly || disk.shareable) return disk;
    if (!isLayer(folder, disk.path) && !known.some(({ path }) => path === disk.path))
      known.push(disk);
    const path = join(disksFolder(folder), `${mark}-${index}.qcow2`);
    layers.push({ disk: index, path });
    const own = isLayer(folder, disk.path) ? [] : [dirname(disk.path)];
    const allowedFolders = [...new Set([...own, ...disk.allowedFolders])];
    return { ...disk, path, format: 'qcow2', allowedFolders };
  });
  return { config: { ...config, disks }, layers, originals: known };
}

/** Makes the layers on disks that nothing has open. */
export async function makeLayers(
  tools: DiskToolModule,
  config: VmConfig,
  layers: readonly NewLayer[],
): Promise<void> {
  for (const { disk: index, path } of layers) {
    const disk = config.disks[index];
    if (disk === undefined) continue;
    const { format, size } = await tools.diskLayer(disk.path);
    await tools.createDisk({ path, format: 'qcow2', size, backing: { ...disk, format } });
  }
}

interface Layers {
  readonly folder: string;
  readonly tools: DiskToolModule;
  readonly history: SnapshotHistory;
  /** As vm.json has it. */
  readonly config: VmConfig;
  /** Makes both durable together. */
  commit(history: SnapshotHistory, config: VmConfig): Promise<void>;
}

/** Removes layers that nothing needs and merges those that only one other needs. The VM is off. */
export async function tidyLayers(start: Layers): Promise<void> {
  let state = start;
  const graph = await layersOf(state);
  for (;;) {
    await removeDiscarded(state, graph);
    const merge = findMerge(state, graph);
    if (merge === undefined) return;
    state = await mergeLayer(state, graph, merge);
  }
}

/** Path → what it builds on, for every layer that is needed and the disks below them (which have no entry). */
type Graph = Map<string, string>;

const named = ({ history, config }: Layers): Set<string> =>
  new Set(
    [config, ...history.snapshots.map((one) => one.config)].flatMap(({ disks }) =>
      disks.map(({ path }) => path),
    ),
  );

async function layersOf(state: Layers): Promise<Graph> {
  const graph: Graph = new Map();
  for (let path of named(state)) {
    while (isLayer(state.folder, path) && !graph.has(path)) {
      const { backing } = await state.tools.diskLayer(path);
      if (backing === undefined) break;
      graph.set(path, backing);
      path = backing;
    }
  }
  return graph;
}

async function removeDiscarded(state: Layers, graph: Graph): Promise<void> {
  const { folder, history } = state;
  const needed = new Set([...named(state), ...graph.keys(), ...graph.values()]);
  const gone = history.discarded.filter((path) => isLayer(folder, path) && !needed.has(path));
  await Promise.all(gone.map((path) => rm(path, { force: true })));
  if (gone.length === 0) return;
  history.discarded = history.discarded.filter((path) => !gone.includes(path));
  await state.commit(history, state.config);
}

interface Merge {
  /** Named by nothing, with one layer on it. */
  readonly lower: string;
  readonly upper: string;
}

function findMerge(state: Layers, graph: Graph): Merge | undefined {
  const inUse = named(state);
  const originals = new Set(state.history.originals.map(({ path }) => path));
  const uppers = Map.groupBy(graph.keys(), (path) => graph.get(path));
  for (const [upper, lower] of graph) {
    const ours = isLayer(state.folder, lower) || originals.has(lower);
    if (ours && !inUse.has(lower) && uppers.get(lower)?.length === 1) return { lower, upper };
  }
  return undefined;
}

/** Afterwards `lower` has it all and takes the place of `upper`. */
async function mergeLayer(state: Layers, graph: Graph, { lower, upper }: Merge): Promise<Layers> {
  const { tools, folder, history } = state;
  const user = [state.config, ...history.snapshots.map(({ config }) => config)]
    .flatMap(({ disks }) => disks)
    .find(({ path }) => path === upper);
  const allowedFolders = user?.allowedFolders ?? [
    ...new Set(
      history.originals.flatMap(({ path, allowedFolders: more }) => [dirname(path), ...more]),
    ),
  ];
  const { into } = await tools.mergeDisk({ path: upper, format: 'qcow2', allowedFolders });
  if (into !== lower) throw new Error(`${upper} builds on ${into}, not on ${lower}`);
  for (const [path, below] of graph) {
    if (below !== upper) continue;
    const backing = { path: lower, format: 'auto' as const, allowedFolders };
    await tools.rebaseDisk({ path, format: 'qcow2', allowedFolders }, backing, {
      sameContent: true,
    });
  }
  const original = history.originals.find(({ path }) => path === lower);
  const replace = (config: VmConfig): VmConfig => ({
    ...config,
    disks: config.disks.map((disk) => {
      if (disk.path !== upper) return disk;
      if (original === undefined || isLayer(folder, lower)) return { ...disk, path: lower };
      return {
        ...disk,
        path: lower,
        format: original.format,
        allowedFolders: original.allowedFolders,
      };
    }),
  });
  const next: SnapshotHistory = {
    ...history,
    snapshots: history.snapshots.map((one) => ({ ...one, config: replace(one.config) })),
    discarded: [...new Set([...history.discarded.filter((path) => path !== lower), upper])],
    ...(history.saved === undefined
      ? {}
      : {
          saved: {
            ...history.saved,
            disks: history.saved.disks.map((path) => (path === upper ? lower : path)),
          },
        }),
  };
  const config = replace(state.config);
  await state.commit(next, config);
  graph.delete(upper);
  for (const [path, below] of graph) if (below === upper) graph.set(path, lower);
  return { ...state, history: next, config };
}
