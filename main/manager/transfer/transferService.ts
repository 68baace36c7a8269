/** Import and export of VMs. Nothing is overwritten; what a cancelled or failed task has made is removed. */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile, copyFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { UserError } from '../../../shared/services/errors.ts';
import type { ImportPreview, TransferService } from '../../../shared/services/transfer.ts';
import { engineCapabilities } from '../../../shared/vm/capabilities.ts';
import type { DiskConfig, NewVm, VmConfig } from '../../../shared/vm/config.ts';
import { diskTool } from '../diskTool.ts';
import type { Home } from '../home.ts';
import { readHistory, writeHistory } from '../snapshotHistory.ts';
import { variablesFile } from '../snapshots.ts';
import type { TaskList, TaskWatch } from '../taskList.ts';
import { checkDisksExist, extensions, freePath, removeFiles, sourceOf } from '../vmDisks.ts';
import type { VmLibrary } from '../vmLibrary.ts';
import { bundleMembers, member, placeState, readBundle, type Bundle } from './bundle.ts';
import { damaged, type FoundMachine } from './foundMachine.ts';
import { readOvf } from './readOvf.ts';
import { makeScratch } from './scratchFolder.ts';
import { readVbox } from './readVbox.ts';
import { isPlain, readTar, writeTar } from './tarFile.ts';
import { writeOvf, type OvfFile } from './writeOvf.ts';

interface Parts {
  readonly home: Home;
  /** Where new disks are made. */
  disksFolder(): Promise<string>;
  readonly vms: VmLibrary;
  readonly tasks: TaskList;
  /** Throws UserError. */
  refuseActive(id: string, what: string): void;
  changed(): void;
}

type Kind = ImportPreview['kind'];
const kinds: Readonly<Record<string, Kind>> = {
  '.ova': 'ova',
  '.ovf': 'ovf',
  '.vbox': 'vbox',
  '.guesthouse': 'bundle',
};
const { maxCpus } = engineCapabilities.translator;
const mostDescriptor = 16 << 20;

function kindOf(path: string): Kind {
  const kind = kinds[extname(path).toLowerCase()];
  if (kind !== undefined && isAbsolute(path)) return kind;
  throw new UserError({
    code: 'transfer-kind',
    message: `${path} is not the name of an appliance, a machine of VirtualBox or a bundle.`,
    hint: 'Such files end in .ova, .ovf, .vbox or .guesthouse.',
  });
}

export function createTransferService(parts: Parts): TransferService {
  const { home, vms, tasks } = parts;

  const freeName = async (wanted: string): Promise<string> => {
    const taken = new Set((await vms.list()).map(({ name }) => name.toLowerCase()));
    const base = wanted.trim().slice(0, 90) || 'Imported';
    for (let count = 1; ; count++) {
      const name = count === 1 ? base : `${base} ${count}`;
      if (!taken.has(name.toLowerCase())) return name;
    }
  };

  const importVm = async (path: string, name: string, watch: TaskWatch): Promise<VmConfig> => {
    const disksFolder = await parts.disksFolder();
    const placed = { ...parts, home: { ...home, disksFolder } };
    const scratch = await makeScratch(disksFolder);
    try {
      return await (kindOf(path) === 'bundle'
        ? importBundle(placed, path, name, scratch, watch)
        : importMachine(placed, path, name, scratch, watch));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };

  return {
    preview: async (path) => {
      const kind = kindOf(path);
      await checkThere(path);
      if (kind === 'bundle') {
        const { config, disks, hasState } = await readBundle(path);
        const notes = hasState ? ['It goes on from its saved state.'] : [];
        const { name, memoryMiB, cpus } = config;
        return { kind, name, memoryMiB, cpus, disks: disks.length, notes };
      }
      const { name, memoryMiB, cpus, disks, notes, uefi } = await readMachine(path);
      const sizes = disks.map(({ size }) => size);
      const all = uefi ? [...notes, uefiNote] : notes;
      return {
        ...{ kind, name, memoryMiB, cpus, disks: disks.length, notes: all },
        ...(sizes.every((size) => size !== undefined) &&
          sizes.length > 0 && { size: sizes.reduce((sum, size) => sum + size, 0) }),
      };
    },
    import: async (path, { name }) => {
      kindOf(path);
      await checkThere(path);
      if (name !== undefined) await vms.checkName(name);
      const found =
        kindOf(path) === 'bundle' ? (await readBundle(path)).config : await readMachine(path);
      const wanted = name ?? (await freeName(found.name));
      return tasks.run({ kind: 'import', subject: wanted }, async (watch) => {
        const { id } = await importVm(path, wanted, watch);
        parts.changed();
        return { vmId: id };
      });
    },
    export: async (id, path) => {
      const kind = kindOf(path);
      if (kind === 'vbox')
        throw new UserError({
          code: 'transfer-kind',
          message: 'Machines of VirtualBox can be imported, but not written.',
          hint: 'Export to a file that ends in .ova, which VirtualBox imports.',
        });
      const config = await vms.get(id);
      parts.refuseActive(id, 'export it');
      await checkDisksExist(config);
      const files = kind === 'ovf' ? ovfNames(path, config) : [path];
      for (const file of files) await checkFree(file);
      return tasks.run({ kind: 'export', subject: path }, async (watch) => {
        const scratch = `${path}.export-${randomUUID()}`;
        await mkdir(scratch, { mode: 0o700 });
        try {
          if (kind === 'bundle') {
            const folder = vms.folderOf(id);
            const members = await bundleMembers(config, folder, scratch, watch);
            watch.step(basename(path));
            await writeTar(join(scratch, 'bundle'), members, watch);
            await place(join(scratch, 'bundle'), path);
          } else await exportOvf(config, path, kind, scratch, watch);
        } finally {
          await rm(scratch, { recursive: true, force: true });
        }
      });
    },
  };
}

const uefiNote = 'It boots by UEFI: choose a firmware in its settings before it is started.';

async function checkThere(path: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isFile()) return;
  throw new UserError({
    ...{ code: 'missing', message: `There is no file ${path}.` },
    hint: 'Check its name and folder.',
  });
}

async function checkFree(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there)
    throw new UserError({
      ...{ code: 'exists', message: `There is a file ${path} already.` },
      hint: 'Choose another name, or remove it.',
    });
}

/** A finished file gets its name, unless another one got it meanwhile. */
async function place(from: string, to: string): Promise<void> {
  await checkFree(to);
  await rename(from, to);
}

/** The description of an appliance or a machine of VirtualBox. */
async function readMachine(path: string): Promise<FoundMachine> {
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

async function importMachine(
  { home, vms }: Parts,
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
      const target = await freePath(home.disksFolder, name, extensions.qcow2);
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

async function importBundle(
  { home, vms }: Parts,
  path: string,
  name: string,
  scratch: string,
  watch: TaskWatch,
): Promise<VmConfig> {
  const bundle = await readBundle(path);
  watch.step(basename(path));
  const total = (await stat(path)).size;
  let done = 0;
  const there = new Set<string>();
  await readTar(
    path,
    async ({ name: file, content }) => {
      content.on('data', (part: Buffer) => watch.progress((done += part.length), total));
      await pipeline(content, createWriteStream(join(scratch, file), { flags: 'wx', mode: 0o600 }));
      there.add(file);
    },
    watch.signal,
  );
  const needed = [
    ...bundle.disks,
    ...[bundle.kernel, bundle.initrd, ...bundle.cdroms, ...bundle.floppies],
    ...(bundle.hasState ? [member.ram, member.machine] : []),
  ];
  for (const file of needed)
    if (file != null && !there.has(file))
      throw damaged(path, `the file "${file}" is missing in it`);
  const made: { path: string }[] = [];
  /** Moves a member into a folder of the library. */
  const keep = async (file: string, folder: string): Promise<string> => {
    const target = await freePath(folder, name, extname(file).slice(1) || file);
    await rename(join(scratch, file), target);
    made.push({ path: target });
    return target;
  };
  let config: VmConfig | undefined;
  try {
    const wanted = await plannedVm(bundle, name, async (file, where) =>
      keep(file, where === 'disk' ? home.disksFolder : home.mediaFolder),
    );
    config = await vms.create(wanted);
    const folder = vms.folderOf(config.id);
    if (there.has(member.variables))
      await copyFile(join(scratch, member.variables), variablesFile(folder));
    if (bundle.hasState) {
      const state = join('saved', randomUUID());
      await placeState(scratch, join(folder, state));
      const disks = config.disks.map((disk) => disk.path);
      await writeHistory(folder, {
        ...(await readHistory(folder)),
        saved: { folder: state, disks },
      });
    }
    return config;
  } catch (error) {
    if (config !== undefined) await vms.delete(config.id);
    await removeFiles(made);
    throw error;
  }
}

/** The VM of a bundle: everything but what leads to files of the host that it came from. */
async function plannedVm(
  bundle: Bundle,
  name: string,
  keep: (file: string, where: 'disk' | 'medium') => Promise<string>,
): Promise<NewVm> {
  const { version: _version, id: _id, createdAt: _createdAt, ...config } = bundle.config;
  const { kernel: _kernel, initrd: _initrd, firmware, ...boot } = config.boot;
  const disks: DiskConfig[] = [];
  for (const [i, disk] of config.disks.entries()) {
    const file = bundle.disks[i];
    if (file === undefined) continue;
    const path = await keep(file, 'disk');
    disks.push({ ...disk, path, format: 'qcow2', allowedFolders: [] });
  }
  const media = async <T extends { path?: string | undefined }>(
    drives: readonly T[],
    files: readonly (string | null)[],
  ): Promise<T[]> => {
    const list: T[] = [];
    for (const [i, { path: _path, ...drive }] of drives.entries()) {
      const file = files[i];
      const place = file == null ? {} : { path: await keep(file, 'medium') };
      list.push({ ...drive, ...place } as T);
    }
    return list;
  };
  return {
    ...config,
    ...{ name, disks },
    cdroms: await media(config.cdroms, bundle.cdroms),
    floppies: await media(config.floppies, bundle.floppies),
    adapters: config.adapters.map(({ mac: _mac, network, ...adapter }) => {
      const mac = bundle.hasState ? { mac: bundle.config.adapters[0]?.mac } : {};
      if (network.mode !== 'user') return { ...adapter, network, ...definedMac(mac) };
      const { bootFolder: _folder, bootFile: _file, ...rest } = network;
      return { ...adapter, network: { ...rest, hostLoopback: false }, ...definedMac(mac) };
    }),
    boot: {
      ...boot,
      ...(firmware !== undefined && { firmware }),
      ...(bundle.kernel !== undefined && { kernel: await keep(bundle.kernel, 'medium') }),
      ...(bundle.initrd !== undefined && { initrd: await keep(bundle.initrd, 'medium') }),
    },
  };
}

const definedMac = ({ mac }: { mac?: string | undefined }): { mac?: string } =>
  mac === undefined ? {} : { mac };

const ovfNames = (path: string, { disks }: VmConfig): string[] => {
  const base = path.replace(/\.[^.]*$/, '');
  return [path, `${base}.mf`, ...disks.map((_, i) => `${base}-disk${i + 1}.vmdk`)];
};

async function exportOvf(
  config: VmConfig,
  path: string,
  kind: 'ova' | 'ovf',
  scratch: string,
  watch: TaskWatch,
): Promise<void> {
  const base = basename(path).replace(/\.[^.]*$/, '');
  const tool = await diskTool();
  const files: OvfFile[] = [];
  for (const [i, disk] of config.disks.entries()) {
    const name = `${base}-disk${i + 1}.vmdk`;
    watch.step(name);
    const target = join(scratch, name);
    await tool.convertDisk(
      sourceOf(disk),
      { path: target, format: 'vmdk', compressed: true },
      { signal: watch.signal, progress: watch.progress },
    );
    const [info] = await tool.diskInfo({ path: target, format: 'vmdk', allowedFolders: [] });
    files.push({ name, size: (await stat(target)).size, capacity: info?.size ?? 0 });
  }
  const descriptor = `${base}.ovf`;
  await writeFile(join(scratch, descriptor), writeOvf(config, files), { flag: 'wx' });
  const members = [descriptor, ...files.map(({ name }) => name)];
  let manifest = '';
  for (const name of members) {
    const hash = createHash('sha256');
    for await (const part of createReadStream(join(scratch, name))) hash.update(part as Buffer);
    manifest += `SHA256(${name})= ${hash.digest('hex')}\n`;
  }
  if (kind === 'ovf') {
    await writeFile(join(scratch, `${base}.mf`), manifest, { flag: 'wx' });
    const moved: string[] = [];
    try {
      // The descriptor last: with it the appliance is there.
      for (const name of [...files.map((file) => file.name), `${base}.mf`, descriptor]) {
        const target = name === descriptor ? path : join(dirname(path), name);
        await place(join(scratch, name), target);
        moved.push(target);
      }
    } catch (error) {
      for (const file of moved) await rm(file, { force: true });
      throw error;
    }
    return;
  }
  watch.step(basename(path));
  const archive = join(scratch, 'archive');
  const [first, ...rest] = members.map((name) => ({ name, from: { path: join(scratch, name) } }));
  await writeTar(
    archive,
    [first!, { name: `${base}.mf`, from: { text: manifest } }, ...rest],
    watch,
  );
  await place(archive, path);
}
