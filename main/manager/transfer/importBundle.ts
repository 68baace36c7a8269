/** Bundles become VMs of the library. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { copyFile, rename, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { DiskConfig, NewVm, VmConfig } from '../../../shared/vm/config.ts';
import { readHistory, writeHistory } from '../snapshotHistory.ts';
import { variablesFile } from '../snapshots.ts';
import type { TaskWatch } from '../taskList.ts';
import { freePath, removeFiles } from '../vmDisks.ts';
import { member, placeState, readBundle, type Bundle } from './bundle.ts';
import { damaged } from './foundMachine.ts';
import type { ImportTarget } from './importTarget.ts';
import { readTar } from './tarFile.ts';

/** Removes what it has made if it fails. */
export async function importBundle(
  { disksFolder, mediaFolder, vms }: ImportTarget,
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
      keep(file, where === 'disk' ? disksFolder : mediaFolder),
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
  for (const [i, { shareable: _shareable, ...disk }] of config.disks.entries()) {
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
