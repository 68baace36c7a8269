/** Snapshots of a running machine: its state in a folder, and from that moment on new layers on its disks. */
import { copyFile, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import type { DiskLayer, SnapshotTaken } from '../../shared/vm/vmProtocol.ts';
import { createImage } from '../block/createImage.ts';
import { hostStore } from '../block/file/hostStore.ts';
import type { LayeredDisk } from '../block/layeredDisk.ts';
import { openLayer, type OpenLayer } from '../block/openImage.ts';
import type { BuiltMachine } from './buildMachine.ts';
import { saveMachineFiles } from './machineFiles.ts';
import { writeScreenshot } from './screenshot.ts';
import type { RamBase } from './ramFiles.ts';

interface Prepared {
  readonly disk: LayeredDisk;
  readonly layer: OpenLayer;
}

export class SnapshotTaker {
  readonly #built: BuiltMachine;
  readonly #request: MachineRequest;
  readonly #prepared: Prepared[] = [];
  /** The state that the machine came from or that was taken last. */
  #base: RamBase | undefined;

  constructor(built: BuiltMachine, request: MachineRequest) {
    this.#built = built;
    this.#request = request;
    this.#base = built.restored;
  }

  /** Rejects with BlockError. */
  async prepareLayers(layers: readonly DiskLayer[]): Promise<void> {
    await this.#dropPrepared();
    const store = hostStore(this.#request.owner);
    for (const { disk: index, path } of layers) {
      const disk = this.#built.disks[index];
      if (disk === undefined) throw new RangeError(`there is no disk ${index}`);
      const { top } = disk;
      const { path: below, format } = await top.info();
      const backing = { path: below, format };
      await createImage(store, { path, format: 'qcow2', size: top.size, backing });
      this.#prepared.push({ disk, layer: await openLayer(store, path, top) });
    }
  }

  /** See VmControl. */
  async take(folder: string): Promise<SnapshotTaken> {
    // What is written now need not be written once more while a guest waits for its flush.
    await Promise.all(this.#built.disks.map((disk) => disk.flush()));
    const { pauseMs, base } = await saveMachineFiles(this.#built.machine, folder, {
      goOn: true,
      base: this.#takeBase(),
      atPause: async () => {
        await this.#copyVariables(folder);
        for (const { disk, layer } of this.#prepared.splice(0)) disk.push(layer.image);
      },
    }).finally(() => this.#dropPrepared());
    this.#base = base;
    await Promise.all(this.#built.disks.map((disk) => disk.settle()));
    return { pauseMs };
  }

  /** See VmControl. */
  async saveState(folder: string): Promise<void> {
    const base = this.#takeBase();
    await saveMachineFiles(this.#built.machine, folder, { goOn: false, base });
    const { display } = this.#built.machine;
    // For people only: the state is whole without it.
    if (display !== undefined)
      await writeScreenshot(display, join(folder, 'screenshot.png')).catch(() => undefined);
    await Promise.all(this.#built.disks.map((disk) => disk.flush()));
  }

  /** It is good for one state. */
  #takeBase(): RamBase | undefined {
    const base = this.#base;
    this.#base = undefined;
    return base;
  }

  /** UEFI variables are part of the state, in a file of their own. */
  async #copyVariables(folder: string): Promise<void> {
    const variables = this.#request.boot.firmware?.variables;
    if (variables === undefined) return;
    await mkdir(folder, { recursive: true });
    try {
      await copyFile(variables, join(folder, 'variables'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await using file = await open(join(folder, 'variables'), 'r+');
    await file.sync();
  }

  async #dropPrepared(): Promise<void> {
    for (const { layer } of this.#prepared.splice(0)) await layer.abandon();
  }
}
