/**
 * Bundles of our own (.guesthouse): an archive with the configuration (`bundle.json`, first), the disks as QCOW2 images
 * that stand alone, the kernel, firmware variables, and the saved state with its screenshot and its media. Snapshots
 * stay behind: a bundle is what the VM is now.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir, open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { z } from 'zod';
import type { VmConfig } from '../../../shared/vm/config.ts';
import { parseVmConfig } from '../../../shared/vm/configMigrations.ts';
import { diskTool } from '../diskTool.ts';
import { readHistory } from '../snapshotHistory.ts';
import { variablesFile } from '../snapshots.ts';
import type { TaskWatch } from '../taskList.ts';
import { sourceOf } from '../vmDisks.ts';
import { damaged } from './foundMachine.ts';
import { readTar, type NewMember } from './tarFile.ts';

export const bundleFile = 'bundle.json';
const mostDescription = 1 << 20;
const mostScreenshot = 8 << 20;
const ramPage = 4096;
const ramPart = 1 << 20;
export const member = {
  ram: 'ram.zst',
  machine: 'machine',
  variables: 'variables.fd',
  /** What the screen showed when the state was saved. */
  screenshot: 'screenshot.png',
} as const;
/** Variables as they were when the state was saved. */
const stateVariables = 'state-variables.fd';

const fileName = z.string().regex(/^[\w.-]{1,100}$/);
const bundleSchema = z.object({
  version: z.literal(1),
  config: z.unknown().transform((data): VmConfig => parseVmConfig(data)),
  disks: z.array(fileName),
  kernel: fileName.optional(),
  initrd: fileName.optional(),
  /** By drive; null where none is in it. */
  cdroms: z.array(fileName.nullable()),
  floppies: z.array(fileName.nullable()),
  hasState: z.boolean(),
});
export type Bundle = z.output<typeof bundleSchema>;

export async function readBundle(path: string): Promise<Bundle> {
  return describedBy(path, (await readFirst(path, [bundleFile]))[0]);
}

/** With the screenshot (PNG) of the state, which follows the description. */
export async function previewBundle(
  path: string,
): Promise<{ readonly bundle: Bundle; readonly screenshot: Uint8Array | undefined }> {
  const [description, screenshot] = await readFirst(path, [bundleFile, member.screenshot]);
  return { bundle: describedBy(path, description), screenshot };
}

/** What the first members hold, as far as they are these and not too large. */
async function readFirst(path: string, names: readonly string[]): Promise<Buffer[]> {
  const contents: Buffer[] = [];
  await readTar(path, async ({ name, size, content }) => {
    const most = name === bundleFile ? mostDescription : mostScreenshot;
    if (name !== names[contents.length] || size > most) return 'stop';
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(part as Buffer);
    contents.push(Buffer.concat(parts));
    return contents.length === names.length ? 'stop' : undefined;
  });
  return contents;
}

function describedBy(path: string, description: Buffer | undefined): Bundle {
  if (description === undefined) throw damaged(path, 'it is no bundle of Guesthouse');
  try {
    return bundleSchema.parse(JSON.parse(description.toString('utf8')));
  } catch {
    throw damaged(path, 'its description is damaged or of a newer version');
  }
}

/** The members of a VM's bundle; what must be made for it is made in `scratch`. */
export async function bundleMembers(
  config: VmConfig,
  vmFolder: string,
  scratch: string,
  watch: TaskWatch,
): Promise<NewMember[]> {
  const members: NewMember[] = [];
  const add = (name: string, path: string): string => {
    members.push({ name, from: { path } });
    return name;
  };
  const { saved } = await readHistory(vmFolder);
  const tool = await diskTool();
  const disks: string[] = [];
  for (const [i, disk] of config.disks.entries()) {
    watch.step(basename(disk.path));
    const name = `disk${i + 1}.qcow2`;
    await tool.convertDisk(
      sourceOf(disk),
      { path: join(scratch, name), format: 'qcow2' },
      { signal: watch.signal, progress: watch.progress },
    );
    disks.push(add(name, join(scratch, name)));
  }
  const { kernel, initrd } = config.boot;
  const medium = (kind: string, i: number, path: string | undefined): string | null =>
    saved === undefined || path === undefined ? null : add(`${kind}${i + 1}${extname(path)}`, path);
  const bundle = {
    version: 1,
    config,
    disks,
    ...(kernel !== undefined && { kernel: add('kernel', kernel) }),
    ...(initrd !== undefined && { initrd: add('initrd', initrd) }),
    cdroms: config.cdroms.map(({ path }, i) => medium('cdrom', i, path)),
    floppies: config.floppies.map(({ path }, i) => medium('floppy', i, path)),
    hasState: saved !== undefined,
  };
  if (await exists(variablesFile(vmFolder))) add(member.variables, variablesFile(vmFolder));
  if (saved !== undefined) {
    watch.step('state');
    const state = join(vmFolder, saved.folder);
    const ram = join(scratch, member.ram);
    await pipeline(
      ramOf(state),
      zlib.createZstdCompress(),
      createWriteStream(ram, { flags: 'wx' }),
      { signal: watch.signal },
    );
    add(member.ram, ram);
    add(member.machine, join(state, 'machine'));
    if (await exists(join(state, 'variables'))) add(stateVariables, join(state, 'variables'));
    const screenshot = join(state, member.screenshot);
    // At the front, where a preview finds it.
    if (await exists(screenshot))
      members.unshift({ name: member.screenshot, from: { path: screenshot } });
  }
  return [{ name: bundleFile, from: { text: JSON.stringify(bundle, null, 2) } }, ...members];
}

/** RAM of a state: the file `ram` with the pages of `ram.1`, … that `ram.1.pages`, … name (emulator/host/ramFiles.ts). */
async function* ramOf(state: string): AsyncGenerator<Buffer> {
  const files = [await open(join(state, 'ram'))];
  const named: Buffer[] = [Buffer.alloc(0)];
  try {
    for (let i = 1; await exists(join(state, `ram.${i}`)); i++) {
      files.push(await open(join(state, `ram.${i}`)));
      named.push(await readFile(join(state, `ram.${i}.pages`)));
    }
    const { size } = await (files[0] as FileHandle).stat();
    const newest = (page: number): FileHandle | undefined =>
      files[named.findLastIndex((bits) => (((bits[page >> 3] ?? 0) >> (page & 7)) & 1) === 1)];
    for (let at = 0; at < size; at += ramPart) {
      const part = Buffer.alloc(Math.min(ramPart, size - at));
      await files[0]?.read(part, 0, part.length, at);
      for (let from = 0; from < part.length; from += ramPage)
        await newest((at + from) / ramPage)?.read(part, from, ramPage, at + from);
      yield part;
    }
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Puts a state that was extracted to `from` into the folder of a VM. */
export async function placeState(from: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await unpackSparse(join(from, member.ram), join(folder, 'ram'));
  await copyFile(join(from, member.machine), join(folder, 'machine'));
  const variables = join(from, stateVariables);
  if (await exists(variables)) await copyFile(variables, join(folder, 'variables'));
  const screenshot = join(from, member.screenshot);
  if (await exists(screenshot)) await copyFile(screenshot, join(folder, member.screenshot));
}

const zeroes = Buffer.alloc(1 << 20);

async function unpackSparse(from: string, to: string): Promise<void> {
  const file = await open(to, 'wx', 0o600);
  try {
    let at = 0;
    const unpacked = createReadStream(from).pipe(zlib.createZstdDecompress());
    for await (const part of unpacked as AsyncIterable<Buffer>) {
      if (!part.equals(zeroes.subarray(0, part.length))) await file.write(part, 0, part.length, at);
      at += part.length;
    }
    await file.truncate(at);
    await file.sync();
  } finally {
    await file.close();
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
