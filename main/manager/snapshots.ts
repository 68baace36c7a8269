/** Snapshots and saved states of the VMs of a library. Each change of a VM holds the lock of its folder. */
import { randomUUID } from 'node:crypto';
import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type {
  SnapshotInfo,
  SnapshotService,
  SnapshotTree,
} from '../../shared/services/snapshots.ts';
import type { VmConfig } from '../../shared/vm/config.ts';
import { diskTool } from './diskTool.ts';
import { isLayer, makeLayers, planLayers, tidyLayers } from './diskLayers.ts';
import { lockFolder } from './folderLock.ts';
import {
  readHistory,
  writeHistory,
  type Snapshot,
  type SnapshotHistory,
} from './snapshotHistory.ts';
import { noSuchVm, type VmLibrary } from './vmLibrary.ts';
import type { VmSession } from './vmSession.ts';

export interface SnapshotParts {
  readonly vms: VmLibrary;
  /** The VM's session if it has a process. */
  running(id: string): VmSession | undefined;
  changed(): void;
  log(id: string, line: string): void;
}

interface Opened {
  readonly folder: string;
  readonly config: VmConfig;
  readonly history: SnapshotHistory;
}

export const variablesFile = (folder: string): string => join(folder, 'firmware-variables.fd');

export class Snapshots implements SnapshotService {
  readonly #parts: SnapshotParts;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
  }

  async list(id: string): Promise<SnapshotTree> {
    await this.#parts.vms.get(id);
    const { snapshots, current } = await readHistory(this.#folder(id));
    return { snapshots: snapshots.map(infoOf), current };
  }

  take(
    id: string,
    {
      name,
      description = '',
    }: { readonly name: string; readonly description?: string | undefined },
  ): Promise<SnapshotInfo> {
    return this.#exclusively(id, async ({ folder, config, history }) => {
      const session = this.#parts.running(id);
      const snapshotId = randomUUID();
      const plan = await planLayers(folder, config, history.originals, snapshotId);
      const taken = {
        ...{ id: snapshotId, name, description, config, parent: history.current },
        takenAt: new Date().toISOString(),
      };
      const target = join(folder, 'snapshots', snapshotId);
      let next: SnapshotHistory = { ...history, originals: plan.originals };
      let snapshot: Snapshot;
      if (session !== undefined) {
        await session.prepareLayers(plan.layers);
        // Before a layer is written to, vm.json leads to it; as long as it is empty both are the same disk.
        await writeHistory(folder, next);
        await this.#parts.vms.replace(id, plan.config);
        const { pauseMs } = await session.takeSnapshot(target);
        this.#parts.log(
          id,
          `Snapshot "${name}" taken; the guest stood still for ${pauseMs.toFixed(0)} ms.`,
        );
        snapshot = {
          ...taken,
          withState: true,
          withVariables: await exists(join(target, 'variables')),
        };
        next = { ...next, snapshots: [...next.snapshots, snapshot], current: snapshotId };
      } else {
        await makeLayers(await diskTool(), config, plan.layers);
        const { saved } = history;
        if (saved !== undefined) await linkFolder(join(folder, saved.folder), target);
        const withVariables = await copyIfThere(variablesFile(folder), join(target, 'variables'));
        snapshot = { ...taken, withState: saved !== undefined, withVariables };
        next = {
          ...next,
          ...{ snapshots: [...next.snapshots, snapshot], current: snapshotId },
          ...(saved && { saved: { ...saved, disks: pathsOf(plan.config) } }),
          pending: { config: plan.config },
        };
      }
      await writeHistory(folder, next);
      await this.#settle(id, folder, next);
      return infoOf(snapshot);
    });
  }

  restore(id: string, snapshotId: string): Promise<void> {
    return this.#exclusively(id, async ({ folder, config, history }) => {
      this.#refuseRunning(id, 'restore a snapshot');
      const snapshot = find(history, snapshotId);
      const plan = await planLayers(folder, snapshot.config, history.originals, randomUUID());
      await makeLayers(await diskTool(), snapshot.config, plan.layers);
      const state = join('snapshots', snapshotId);
      const { saved: _, ...rest } = history;
      const next: SnapshotHistory = {
        ...rest,
        ...{ current: snapshotId, originals: plan.originals },
        ...(snapshot.withState && { saved: { folder: state, disks: pathsOf(plan.config) } }),
        discarded: [...new Set([...history.discarded, ...pathsOf(config)])],
        pending: {
          config: plan.config,
          ...(snapshot.withVariables && { variables: join(state, 'variables') }),
        },
      };
      await writeHistory(folder, next);
      await this.#settle(id, folder, next);
      await this.#tidy(id, folder);
    });
  }

  delete(id: string, snapshotId: string): Promise<void> {
    return this.#exclusively(id, async ({ folder, history }) => {
      const { config, parent } = find(history, snapshotId);
      const { current, saved, ...rest } = history;
      const newCurrent = current === snapshotId ? parent : current;
      let keep = saved;
      if (saved?.folder === join('snapshots', snapshotId)) {
        keep = { ...saved, folder: join('saved', randomUUID()) };
        await linkFolder(join(folder, saved.folder), join(folder, keep.folder));
      }
      await writeHistory(folder, {
        ...rest,
        snapshots: history.snapshots
          .filter((one) => one.id !== snapshotId)
          .map((one) => (one.parent === snapshotId ? { ...one, parent } : one)),
        ...(newCurrent !== undefined && { current: newCurrent }),
        ...(keep && { saved: keep }),
        discarded: [...new Set([...history.discarded, ...pathsOf(config)])],
      });
      await this.#tidy(id, folder);
    });
  }

  change(
    id: string,
    snapshotId: string,
    text: { readonly name?: string | undefined; readonly description?: string | undefined },
  ): Promise<void> {
    return this.#exclusively(id, async ({ folder, history }) => {
      const before = find(history, snapshotId);
      const { name = before.name, description = before.description } = text;
      await writeHistory(folder, {
        ...history,
        snapshots: history.snapshots.map((one) =>
          one.id === snapshotId ? { ...one, name, description } : one,
        ),
      });
    });
  }

  saveState(id: string): Promise<void> {
    return this.#exclusively(id, async ({ folder, config, history }) => {
      const session = this.#parts.running(id);
      if (session === undefined)
        throw new UserError({
          code: 'not-running',
          message: `"${config.name}" is not running.`,
          hint: 'Start it first.',
        });
      const state = join('saved', randomUUID());
      await session.saveState(join(folder, state));
      await writeHistory(folder, { ...history, saved: { folder: state, disks: pathsOf(config) } });
      await session.powerOff();
      this.#parts.changed();
    });
  }

  discardState(id: string): Promise<void> {
    return this.#exclusively(id, async ({ folder, config, history }) => {
      if (history.saved === undefined)
        throw new UserError({
          code: 'no-state',
          message: `"${config.name}" has no saved state.`,
        });
      await this.#forgetState(folder, history);
      this.#parts.changed();
    });
  }

  /** Whether the next start goes on from a saved state. */
  async hasState(id: string): Promise<boolean> {
    return (await readHistory(this.#folder(id)).catch(() => undefined))?.saved !== undefined;
  }

  /** Rejects with UserError if the VM's disks are layers, which change their places as snapshots come and go. */
  async refuseLayers(id: string): Promise<void> {
    const { disks } = await this.#parts.vms.get(id);
    if (!disks.some(({ path }) => isLayer(this.#folder(id), path))) return;
    throw new UserError({
      code: 'has-snapshots',
      message: 'The VM has snapshots, so no other can build on its disks.',
      hint: 'Make a full clone, or delete the snapshots first.',
    });
  }

  /** Rejects with UserError if the VM's folder has more of its disks than the user's own images have. */
  async beforeDelete(id: string): Promise<void> {
    const folder = this.#folder(id);
    const layers = async (): Promise<number> =>
      (await readdir(join(folder, 'disks')).catch(() => [])).length;
    if ((await layers()) === 0) return;
    await this.#exclusively(id, () => this.#tidy(id, folder));
    if ((await layers()) === 0) return;
    throw new UserError({
      code: 'has-snapshots',
      message: 'The VM has snapshots, and what was written since lies in its folder with them.',
      hint: 'Delete the snapshots first, which merges that into the disks.',
    });
  }

  /**
   * Starts the VM, holding its folder: `start` is given the configuration and the folder of the saved state, and what
   * to call when that has been loaded, since it must not be used a second time.
   */
  start(
    id: string,
    start: (
      config: VmConfig,
      state: string | undefined,
      loaded: () => Promise<void>,
    ) => Promise<void>,
  ): Promise<void> {
    return this.#exclusively(id, async ({ folder, config, history }) => {
      const { saved } = history;
      if (saved !== undefined && String(saved.disks) !== String(pathsOf(config)))
        throw new UserError({
          code: 'state-stale',
          message: `The saved state of "${config.name}" belongs to other disks than it has now.`,
          hint: 'Discard the saved state, or attach the disks that it was saved with.',
        });
      const state = saved && join(folder, saved.folder);
      await start(config, state, () => this.#forgetState(folder, history));
    });
  }

  /** Changes what the VM's disks are; no snapshot, restore or start comes between. */
  changeDisks<T>(id: string, change: (config: VmConfig) => Promise<T>): Promise<T> {
    return this.#exclusively(id, ({ config }) => change(config));
  }

  async #forgetState(folder: string, { saved, ...history }: SnapshotHistory): Promise<void> {
    await writeHistory(folder, history);
    if (saved?.folder.startsWith('saved'))
      await rm(join(folder, saved.folder), { recursive: true, force: true });
  }

  /** Finishes what was begun, then forgets and merges what is no longer needed; a running VM's disks are left. */
  async #tidy(id: string, folder: string): Promise<void> {
    const history = await readHistory(folder);
    await sweep(folder, 'snapshots', new Set(history.snapshots.map((one) => one.id)), history);
    await sweep(folder, 'saved', new Set(), history);
    if (this.#parts.running(id) !== undefined) return;
    await tidyLayers({
      ...{ folder, history, config: await this.#parts.vms.get(id), tools: await diskTool() },
      commit: async (next, config) => {
        const pending = { ...next, pending: { config } };
        await writeHistory(folder, pending);
        await this.#settle(id, folder, pending);
      },
    });
  }

  /** Does what is pending, which may have been done in part before a crash. */
  async #settle(id: string, folder: string, history: SnapshotHistory): Promise<void> {
    const { pending, ...rest } = history;
    if (pending === undefined) return;
    await this.#parts.vms.replace(id, pending.config);
    if (pending.variables !== undefined) {
      const target = variablesFile(folder);
      await copyFile(join(folder, pending.variables), `${target}.new`);
      await rename(`${target}.new`, target);
    }
    await writeHistory(folder, rest);
    this.#parts.changed();
  }

  async #exclusively<T>(id: string, work: (opened: Opened) => Promise<T>): Promise<T> {
    const folder = this.#folder(id);
    if (!(await exists(join(folder, 'vm.json')))) throw noSuchVm(id);
    let release: () => Promise<void>;
    try {
      release = await lockFolder(folder);
    } catch (error) {
      throw new UserError(
        {
          code: 'vm-busy',
          message: 'Another snapshot, restore or start of this VM has been going on for too long.',
          hint: 'Wait until it is done, then try again.',
        },
        { cause: error },
      );
    }
    try {
      const history = await readHistory(folder);
      if (history.pending !== undefined) await this.#settle(id, folder, history);
      const { pending: _, ...settled } = history;
      return await work({ folder, config: await this.#parts.vms.get(id), history: settled });
    } finally {
      await release();
    }
  }

  #folder(id: string): string {
    return this.#parts.vms.folderOf(id);
  }

  #refuseRunning(id: string, what: string): void {
    if (this.#parts.running(id) === undefined) return;
    throw new UserError({
      code: 'running',
      message: `The VM is running: one cannot ${what}.`,
      hint: 'Power it off first.',
    });
  }
}

const pathsOf = ({ disks }: VmConfig): string[] => disks.map(({ path }) => path);

const infoOf = ({ id, name, description, parent, takenAt, withState }: Snapshot): SnapshotInfo => ({
  ...{ id, name, description, parent, takenAt, withState },
});

function find(history: SnapshotHistory, id: string): Snapshot {
  const found = history.snapshots.find((one) => one.id === id);
  if (found) return found;
  throw new UserError({
    code: 'no-such-snapshot',
    message: `There is no snapshot "${id}".`,
    hint: 'See "guesthouse snapshot list".',
  });
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function copyIfThere(from: string, to: string): Promise<boolean> {
  if (!(await exists(from))) return false;
  await mkdir(join(to, '..'), { recursive: true, mode: 0o700 });
  await copyFile(from, to);
  return true;
}

/** The files of a state never change, so a second name for them is enough. */
async function linkFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of await readdir(from))
    await link(join(from, name), join(to, name)).catch(() =>
      copyFile(join(from, name), join(to, name)),
    );
}

/** Removes folders of states that nothing names. */
async function sweep(
  folder: string,
  kind: 'snapshots' | 'saved',
  keep: ReadonlySet<string>,
  { saved }: SnapshotHistory,
): Promise<void> {
  const names = await readdir(join(folder, kind)).catch(() => []);
  for (const name of names)
    if (!keep.has(name) && saved?.folder !== join(kind, name))
      await rm(join(folder, kind, name), { recursive: true, force: true });
}
