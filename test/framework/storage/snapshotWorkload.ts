/**
 * A library with one VM and its disk: random writes, snapshots, restores and deletes. Each snapshot's description is
 * the hash of the disk when it was taken, and `journal` has the hash that the disk is about to have; so whoever
 * finds the library after a crash can tell whether anything was lost. As a program it works until it is killed.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openDisk } from '../../../emulator/block/file/fileDisk.ts';
import { createHostService } from '../../../main/manager/hostService.ts';
import { Manager } from '../../../main/manager/manager.ts';
import { nodeVmStarter } from '../../../main/manager/nodeVmStarter.ts';
import { openHome, type Home } from '../../../main/manager/home.ts';
import type { DiskConfig, VmConfig } from '../../../shared/vm/config.ts';
import { Random } from './random.ts';

export const diskSize = 1 << 20;

export interface Library {
  readonly home: Home;
  readonly manager: Manager;
  readonly id: string;
  /** The image that the user attached. */
  readonly image: string;
}

export async function openLibrary(folder: string): Promise<Library> {
  const home = await openHome({ GUESTHOUSE_HOME: path.join(folder, 'home') });
  const manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
  const image = path.join(folder, 'images', 'disk.img');
  const [vm] = await manager.library.list();
  if (vm !== undefined) return { home, manager, id: vm.id, image };
  await mkdir(path.dirname(image), { recursive: true });
  await writeFile(image, new Uint8Array(diskSize));
  const kernel = path.join(folder, 'none');
  const disks = [{ path: image, format: 'raw' as const }];
  const { id } = await manager.library.create({
    name: 'vm',
    memoryMiB: 16,
    boot: { kernel },
    disks,
  });
  return { home, manager, id, image };
}

export async function contentOf({
  path: image,
  format,
  allowedFolders,
}: DiskConfig): Promise<Buffer> {
  const disk = await openDisk({ path: image, format, allowed: allowedFolders, readOnly: true });
  const content = Buffer.alloc(disk.size);
  await disk.read(0, [content]);
  await disk.close();
  return content;
}

export const hash = (content: Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** The settings that each snapshot has, as they lie on the host. */
export function configsOf({ home, id }: Library): Map<string, VmConfig> {
  const file = path.join(home.vmsFolder, id, 'snapshots.json');
  const { snapshots } = JSON.parse(readFileSync(file, 'utf8')) as {
    snapshots: { id: string; config: VmConfig }[];
  };
  return new Map(snapshots.map(({ id: snapshot, config }) => [snapshot, config]));
}

export const firstDisk = ({ disks: [disk] }: VmConfig): DiskConfig => {
  if (disk === undefined) throw new Error('the VM has lost its disk');
  return disk;
};

export async function presentDisk({ manager, id }: Library): Promise<DiskConfig> {
  return firstDisk(await manager.library.get(id));
}

/** Writes some clusters at random; returns the disk's content. */
export async function scribble(
  library: Library,
  random: Random,
  told?: (hash: string) => void,
): Promise<Buffer> {
  const { path: image, format, allowedFolders } = await presentDisk(library);
  const disk = await openDisk({ path: image, format, allowed: allowedFolders, readOnly: false });
  const content = Buffer.alloc(disk.size);
  await disk.read(0, [content]);
  const length = 512 * (1 + random.below(64));
  const offset = 512 * random.below((disk.size - length) / 512);
  const data = random.bytes(length);
  content.set(data, offset);
  told?.(hash(content));
  await disk.write(offset, [data]);
  await disk.close();
  return content;
}

/** One random step; `told` hears the hash of the disk before that can change. */
export async function step(
  library: Library,
  random: Random,
  told: (hash: string) => void,
): Promise<void> {
  const { manager, id } = library;
  const { snapshots } = await manager.snapshots.list(id);
  const some = snapshots[random.below(Math.max(1, snapshots.length))];
  const choice = random.below(10);
  if (choice < 4 || some === undefined) {
    const description = hash(await scribble(library, random, told));
    await manager.snapshots.take(id, { name: `s${snapshots.length}`, description });
  } else if (choice < 7) {
    told(some.description);
    await manager.snapshots.restore(id, some.id);
  } else await manager.snapshots.delete(id, some.id);
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder = '', seed = '1'] = process.argv;
  const library = await openLibrary(folder);
  const random = new Random(Number(seed));
  const told = (text: string): void => appendFileSync(path.join(folder, 'journal'), `${text}\n`);
  process.stdout.write('working\n');
  for (;;) await step(library, random, told);
}
