/**
 * A machine's state in a folder: guest RAM (ramFiles.ts) and `machine`, everything else. Saved while the machine
 * runs: RAM, or what has changed in it since the state before, is copied in the background, again where it has changed
 * meanwhile, and only the last changes while the machine stands still.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { UserError } from '../../shared/services/errors.ts';
import { ramPageSize, type RamWatch } from '../bus/ramWatch.ts';
import { StateError } from '../bus/types.ts';
import type { Machine, MachineParts } from '../machine/machine.ts';
import { linkRam, pagesFile, PageSet, ramFile, readRam, type RamBase } from './ramFiles.ts';
import { RamWriter } from './ramWriter.ts';

/** Rounds of copying while the machine runs. */
const mostRounds = 8;
/** With fewer pages written in a round the machine can stop for the rest: 8 MiB. */
const fewPages = 2048;
/** Room for the last pages. Fresh memory would cost the pause time. */
const lastRoom = 4 * fewPages;

export interface SavedState {
  /** How long the guest stood still; 0 if it did not run. */
  readonly pauseMs: number;
  /** 4 KiB pages that were copied during the pause. */
  readonly lastPages: number;
  /** What the next state of the machine can add to; changes of RAM are noted for that. */
  readonly base: RamBase | undefined;
}

export interface SaveHooks {
  /** The machine stands still: what must happen at that moment (new disk layers). Rejecting ends the save. */
  atPause?(): Promise<void>;
  /** It goes on afterwards, if it ran. */
  readonly goOn: boolean;
  /** Since then changes of RAM have been noted, so that only those need be written. They no longer are after a failure. */
  readonly base?: RamBase | undefined;
}

/** Makes the folder. Rejects with UserError, removes the folder then, and lets the machine go on. */
export async function saveMachineFiles(
  machine: Machine,
  folder: string,
  hooks: SaveHooks,
): Promise<SavedState> {
  let writer: RamWriter | undefined;
  const ran = machine.running;
  const { ramWatch, ram } = machine;
  let noting = false;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { base } = hooks;
    const added = ramWatch !== undefined && base !== undefined && (await linkRam(base, folder));
    const delta = added ? base.deltas + 1 : 0;
    const changed = new PageSet(ram);
    writer = new RamWriter(ramFile(folder, delta), ram);
    const watch = ran || added ? ramWatch : undefined;
    if (watch !== undefined) await copyWhileRunning(watch, writer, added ? changed : undefined);
    const last = watch && prepareLast(ram);
    const before = performance.now();
    await machine.pause();
    let parts: Buffer;
    let pages: Uint32Array | undefined;
    try {
      pages = last && watch?.takeLast();
      if (last === undefined || pages === undefined) await writer.run({ kind: 'copyAll' });
      else last.copy(pages);
      // At once: what devices save may be live.
      parts = serialize({ ...machine.saveParts(), ramSize: ram.length });
      await hooks.atPause?.();
      noting = hooks.goOn && watch !== undefined;
    } finally {
      if (!noting) ramWatch?.stop();
      if (ran && hooks.goOn) machine.resume();
    }
    const pauseMs = ran ? performance.now() - before : 0;
    if (pages !== undefined && last !== undefined) {
      changed.add(pages);
      await writer.run({ kind: 'write', pages, bytes: last.bytes });
    }
    await writer.run({ kind: 'finish' });
    if (added) await writeDurably(pagesFile(folder, delta), changed.bits);
    await writeDurably(join(folder, 'machine'), parts);
    return {
      ...{ pauseMs, lastPages: pages?.length ?? ram.length / ramPageSize },
      base: noting ? { folder, deltas: delta } : undefined,
    };
  } catch (error) {
    await writer?.abandon();
    if (noting) ramWatch?.stop();
    if (ran && hooks.goOn && !machine.running) machine.resume();
    await rm(folder, { recursive: true, force: true });
    throw asSaveError(error, folder);
  }
}

/** `changed`: only what has been noted is copied, and added there. */
async function copyWhileRunning(
  watch: RamWatch,
  writer: RamWriter,
  changed: PageSet | undefined,
): Promise<void> {
  if (changed === undefined) {
    watch.start();
    await writer.run({ kind: 'copyAll' });
  }
  for (let round = 0; round < mostRounds; round++) {
    const pages = watch.take();
    changed?.add(pages);
    await writer.run({ kind: 'copyPages', pages });
    if (pages.length <= fewPages) return;
  }
}

/** Sets aside memory for the last copy before the machine stops. */
function prepareLast(ram: Uint8Array) {
  const last = {
    bytes: new Uint8Array(lastRoom * ramPageSize).fill(1),
    copy(pages: Uint32Array): void {
      const size = pages.length * ramPageSize;
      if (size > last.bytes.length) last.bytes = new Uint8Array(size);
      pages.forEach((page, index) => {
        const at = page * ramPageSize;
        last.bytes.set(ram.subarray(at, at + ramPageSize), index * ramPageSize);
      });
    },
  };
  return last;
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Loads into a machine that has not run, whose changes of RAM are noted from then on. Rejects with UserError; the machine
 * must not be run then.
 */
export async function loadMachineFiles(machine: Machine, folder: string): Promise<RamBase> {
  try {
    const { ramSize, ...parts } = deserialize(
      await readFile(join(folder, 'machine')),
    ) as MachineParts & {
      ramSize: number;
    };
    if (ramSize !== machine.ram.length)
      throw new StateError(
        `The saved state has ${ramSize / 2 ** 20} MiB of RAM, the machine ${machine.ram.length / 2 ** 20} MiB.`,
      );
    const base = await readRam(folder, machine.ram);
    machine.load(parts);
    machine.ramWatch?.start();
    return base;
  } catch (error) {
    throw new UserError(
      {
        code: 'state-unusable',
        message: `The saved state in ${folder} cannot be loaded: ${(error as Error).message}`,
        hint: 'Discard the saved state, which starts the VM from its disks, or restore another snapshot.',
      },
      { cause: error },
    );
  }
}

function asSaveError(error: unknown, folder: string): UserError {
  if (error instanceof UserError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new UserError(
    {
      code: code === 'ENOSPC' || code === 'EDQUOT' ? 'no-space' : 'state-unwritable',
      message:
        code === 'ENOSPC' || code === 'EDQUOT'
          ? `The host has no space left for the state of the VM in ${folder}.`
          : `The state of the VM cannot be saved in ${folder}: ${message}.`,
      hint: 'The VM goes on as before. Make space or choose another folder, then try again.',
    },
    { cause: error },
  );
}
