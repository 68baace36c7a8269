/** Appliances (OVF 1.1) and machines of VirtualBox become VMs of the library, their disks QCOW2 images. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { UserError } from '../../../shared/services/errors.ts';
import { engineCapabilities } from '../../../shared/vm/capabilities.ts';
import type { DiskConfig, VmConfig } from '../../../shared/vm/config.ts';
import { diskTool } from '../diskTool.ts';
import type { TaskWatch } from '../taskList.ts';
import { extensions, freePath, removeFiles } from '../vmDisks.ts';
import { damaged, type FoundMachine } from './foundMachine.ts';
import type { ImportTarget } from './importTarget.ts';
import { readOvf } from './readOvf.ts';
import { readVbox } from './readVbox.ts';
import { isPlain, readTar } from './tarFile.ts';
import { kindOf } from './transferKind.ts';

const { maxCpus } = engineCapabilities.translator;
const mostDescriptor = 16 << 20;

/** The description of an appliance or a machine of VirtualBox. */
export async function readMachine(path: string): Promise<FoundMachine> {
  const kind = kindOf(path);
  if (kind === 'ova') {
    let found: FoundMachine | undefined;
    await readTar(path, async ({ name, size, content }) => {
      if (extname(name).toLowerCase() !== '.ovf') return;
      if (size > mostDescriptor) throw damaged(path, 'its descriptor is too large');
      const bytes: Buffer[] = [];
      for await (const part of content) bytes.push(part as Buffer);
      found = readOvf(Buffer.concat(bytes).toString('utf8'), path, maxCpus);
      return 'stop';
    });
    if (found === undefined) throw damaged(path, 'it has no descriptor');
    return checkNames(path, found);
  }
  if ((await stat(path)).size > mostDescriptor) throw damaged(path, 'it is too large');
  const text = await readFile(path, 'utf8');
  if (kind === 'ovf') return checkNames(path, readOvf(text, path, maxCpus));
  const found = readVbox(text, path, maxCpus);
  // A file from elsewhere must not lead to other files of the host.
  const folder = dirname(path);
  const outside = found.disks.find(({ path: disk }) => leadsOut(folder, disk));
  if (outside !== undefined)
    throw new UserError({
      code: 'not-allowed',
      message: `The disk ${outside.path} lies outside the folder of ${path}.`,
      hint: 'Copy it into the folder of the machine and say so in the file, or attach it to a new VM.',
    });
  const cdroms = found.cdroms.map(({ path: disc, ...drive }) =>
    disc === undefined || leadsOut(folder, disc) ? drive : { ...drive, path: disc },
  );
  return {
    ...found,
    cdroms,
    disks: found.disks.map((disk) => ({
      ...disk,
      allowedFolders: disk.allowedFolders.filter((each) => !leadsOut(folder, each)),
    })),
  };
}

const leadsOut = (folder: string, path: string): boolean => {
  const name = relative(folder, resolve(path));
  return name.startsWith('..') || isAbsolute(name);
};

function checkNames(path: string, found: FoundMachine): FoundMachine {
  const bad = found.disks.find((disk) => !isPlain(disk.path));
  if (bad !== undefined) throw damaged(path, `it names the file "${bad.path}"`);
  return found;
}

/** Removes what it has made if it fails. */
export async function importMachine(
  { disksFolder, vms }: ImportTarget,
  path: string,
  name: string,
  scratch: string,
  watch: TaskWatch,
): Promise<VmConfig> {
  const found = await readMachine(path);
  const kind = kindOf(path);
  let folder = dirname(path);
  if (kind === 'ova') {
    watch.step(basename(path));
    await extract(
      path,
      scratch,
      found.disks.map((disk) => disk.path),
      watch,
    );
    folder = scratch;
  } else if (kind === 'ovf') {
    const manifest = path.replace(/\.ovf$/i, '.mf');
    const text = await readFile(manifest, 'utf8').catch(() => undefined);
    if (text !== undefined)
      for (const disk of found.disks)
        await checkDigest(path, disk.path, text, createReadStream(join(folder, disk.path)));
  }
  const made: DiskConfig[] = [];
  try {
    const tool = await diskTool();
    for (const disk of found.disks) {
      watch.step(basename(disk.path));
      let source = resolve(folder, disk.path);
      if (disk.compressed) {
        const unpacked = join(scratch, `${basename(disk.path)}.unpacked`);
        await pipeline(
          createReadStream(source),
          zlib.createGunzip(),
          createWriteStream(unpacked, { flags: 'wx' }),
          { signal: watch.signal },
        );
        source = unpacked;
      }
      const target = await freePath(disksFolder, name, extensions.qcow2);
      const { allowedFolders } = disk;
      await tool.convertDisk(
        { path: source, format: 'auto', allowedFolders },
        { path: target, format: 'qcow2' },
        { signal: watch.signal, progress: watch.progress },
      );
      made.push({
        ...{ path: target, format: 'qcow2', interface: disk.interface },
        ...{ allowedFolders: [], readOnly: false },
      });
    }
    watch.signal.throwIfAborted();
    const { memoryMiB, cpus, cdroms, floppies, adapters } = found;
    return await vms.create({
      ...{ name, memoryMiB, cpus, boot: {}, disks: made, cdroms: [...cdroms] },
      description: found.description.slice(0, 10_000),
      floppies: Array.from({ length: Math.min(2, floppies) }, () => ({})),
      adapters: adapters.slice(0, 8),
    });
  } catch (error) {
    await removeFiles(made);
    throw error;
  }
}

/** Takes the named members out of an archive, and compares them with its manifest. */
async function extract(
  path: string,
  to: string,
  names: readonly string[],
  { signal, progress }: TaskWatch,
): Promise<void> {
  const total = (await stat(path)).size;
  let done = 0;
  const digests = new Map<string, Readonly<Record<string, string>>>();
  let manifest = '';
  await readTar(
    path,
    async ({ name, content }) => {
      if (extname(name) === '.mf') {
        for await (const part of content) manifest += String(part);
        return;
      }
      if (!names.includes(name)) return;
      const hashes = (['sha1', 'sha256', 'sha512'] as const).map((kind) => ({
        kind,
        hash: createHash(kind),
      }));
      content.on('data', (part: Buffer) => {
        for (const { hash } of hashes) hash.update(part);
        progress((done += part.length), total);
      });
      await pipeline(content, createWriteStream(join(to, name), { flags: 'wx' }), { signal });
      digests.set(
        name,
        Object.fromEntries(hashes.map(({ kind, hash }) => [kind, hash.digest('hex')])),
      );
    },
    signal,
  );
  for (const name of names) {
    const found = digests.get(name);
    if (found === undefined) throw damaged(path, `the file "${name}" is missing in it`);
    const wanted = digestIn(manifest, name);
    if (wanted !== undefined && found[wanted.kind] !== wanted.digest)
      throw damaged(path, `the file "${name}" in it is not what its manifest says`);
  }
}

/** Lines as "SHA256(disk.vmdk)= 0123…". */
function digestIn(
  manifest: string,
  name: string,
): { readonly kind: string; readonly digest: string } | undefined {
  for (const line of manifest.split(/\r?\n/)) {
    const [, kind, file, digest] =
      /^\s*(SHA\d+)\s*\((.*)\)\s*=\s*([0-9a-f]+)\s*$/i.exec(line) ?? [];
    if (file === name && kind !== undefined && digest !== undefined)
      return { kind: kind.toLowerCase(), digest: digest.toLowerCase() };
  }
  return undefined;
}

async function checkDigest(
  path: string,
  name: string,
  manifest: string,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  const wanted = digestIn(manifest, name);
  if (wanted === undefined || !['sha1', 'sha256', 'sha512'].includes(wanted.kind)) return;
  const hash = createHash(wanted.kind);
  for await (const part of content) hash.update(part);
  if (hash.digest('hex') !== wanted.digest)
    throw damaged(path, `the file "${name}" is not what the manifest says`);
}
