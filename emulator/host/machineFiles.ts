/**
 * A machine's state in a folder: `ram`, the bytes of guest RAM, sparse, and `machine`, everything else. Saved while
 * the machine runs: RAM is copied in the background, again where it has changed meanwhile, and only the last
 * changes while the machine stands still.
 */
import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { UserError } from '../../shared/services/errors.ts';
import { ramPageSize } from '../bus/ramWatch.ts';
import { StateError } from '../bus/types.ts';
import { stretchAt } from '../block/file/fileHoles.ts';
import type { Machine, MachineParts } from '../machine/machine.ts';
import { mapRam } from './mapRam.ts';
import { RamWriter } from './ramWriter.ts';

/** Rounds of copying while the machine runs. */
const mostRounds = 8;
/** With fewer pages written in a round the machine can stop for the rest: 8 MiB. */
const fewPages = 2048;
/** Room for the last pages. Fresh memory would cost the pause time. */
const lastRoom = 4 * fewPages;
/** What is read at a time. */
const chunk = 4 << 20;

export interface SavedState {
  /** How long the guest stood still; 0 if it did not run. */
  readonly pauseMs: number;
  /** 4 KiB pages that were copied during the pause. */
  readonly lastPages: number;
}

export interface SaveHooks {
  /** The machine stands still: what must happen at that moment (new disk layers). Rejecting ends the save. */
  atPause?(): Promise<void>;
  /** It goes on afterwards, if it ran. */
  readonly goOn: boolean;
}

/** Makes the folder. Rejects with UserError, removes the folder then, and lets the machine go on. */
export async function saveMachineFiles(
  machine: Machine,
  folder: string,
  hooks: SaveHooks,
): Promise<SavedState> {
  let writer: RamWriter | undefined;
  const ran = machine.running;
  const { ramWatch } = machine;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    writer = new RamWriter(join(folder, 'ram'), machine.ram);
    const watched = ran && ramWatch !== undefined;
    if (watched) await copyWhileRunning(machine, writer);
    const last = watched ? prepareLast(machine.ram) : undefined;
    const before = performance.now();
    await machine.pause();
    let parts: Buffer;
    let pages: Uint32Array | undefined;
    try {
      pages = last === undefined ? undefined : ramWatch?.takeLast();
      if (last === undefined || pages === undefined) await writer.run({ kind: 'copyAll' });
      else last.copy(pages);
      // At once: what devices save may be live.
      parts = serialize({ ...machine.saveParts(), ramSize: machine.ram.length });
      await hooks.atPause?.();
    } finally {
      ramWatch?.stop();
      if (ran && hooks.goOn) machine.resume();
    }
    const pauseMs = ran ? performance.now() - before : 0;
    if (pages !== undefined && last !== undefined)
      await writer.run({ kind: 'write', pages, bytes: last.bytes });
    await writer.run({ kind: 'finish' });
    await writeDurably(join(folder, 'machine'), parts);
    return { pauseMs, lastPages: pages?.length ?? machine.ram.length / ramPageSize };
  } catch (error) {
    await writer?.abandon();
    if (ran && hooks.goOn && !machine.running) machine.resume();
    await rm(folder, { recursive: true, force: true });
    throw asSaveError(error, folder);
  }
}

async function copyWhileRunning({ ramWatch }: Machine, writer: RamWriter): Promise<void> {
  ramWatch?.start();
  await writer.run({ kind: 'copyAll' });
  for (let round = 0; round < mostRounds; round++) {
    const pages = ramWatch?.take() ?? new Uint32Array();
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

/** Loads into a machine that has not run. Rejects with UserError; the machine must not be run then. */
export async function loadMachineFiles(machine: Machine, folder: string): Promise<void> {
  try {
    const { ramSize, ...parts } = deserialize(
      await readFile(join(folder, 'machine')),
    ) as MachineParts & {
      ramSize: number;
    };
    if (ramSize !== machine.ram.length || (await stat(join(folder, 'ram'))).size !== ramSize)
      throw new StateError(
        `The saved state has ${ramSize / 2 ** 20} MiB of RAM, the machine ${machine.ram.length / 2 ** 20} MiB.`,
      );
    await readRam(join(folder, 'ram'), machine.ram);
    machine.load(parts);
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

/**
 * Where the host can, the file takes RAM's place and its pages come as they are used. Otherwise it is read: holes are
 * zeroes, as much of RAM is; several reads at once, since most of the time goes into the pages' first use.
 */
async function readRam(path: string, ram: Uint8Array): Promise<void> {
  const file = await open(path, 'r');
  try {
    if (await mapRam(file, ram)) return;
    const parts: { readonly at: number; readonly length: number }[] = [];
    for (let at = 0; at < ram.length;) {
      const stretch = await stretchAt(file.fd, at, ram.length);
      const end = stretch === undefined ? ram.length : at + stretch.length;
      // A machine that has been built has its firmware and kernel in RAM already.
      if (stretch?.kind === 'hole') clear(ram.subarray(at, end));
      else
        for (let from = at; from < end; from += chunk)
          parts.push({ at: from, length: Math.min(chunk, end - from) });
      at = end;
    }
    const readParts = async (): Promise<void> => {
      for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
        const { bytesRead } = await file.read(ram, part.at, part.length, part.at);
        if (bytesRead !== part.length) throw new Error('the file of RAM has been cut off');
      }
    };
    await Promise.all([1, 2, 3, 4].map(readParts));
  } finally {
    await file.close();
  }
}

/** Pages that are zero already are only read: a write would make the host give memory for them. */
function clear(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += ramPageSize) {
    const page = new BigUint64Array(bytes.buffer, bytes.byteOffset + at, ramPageSize / 8);
    if (page.some((word) => word !== 0n)) page.fill(0n);
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
