/** The disk images of VMs: new ones, copies for clones, and what goes with a VM that is deleted. */
import { isNbdAddress } from '../../shared/vm/nbdAddress.ts';
import { access, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type { CloneOptions, DeletionFile } from '../../shared/services/library.ts';
import type { DiskConfig, NewDisk, VmConfig } from '../../shared/vm/config.ts';
import type { DiskFormat, DiskSource } from '../../shared/vm/diskTool.ts';
import { diskTool } from './diskTool.ts';
import type { TaskWatch } from './taskList.ts';

export const extensions: Readonly<Record<DiskFormat, string>> = {
  raw: 'img',
  qcow2: 'qcow2',
  vdi: 'vdi',
  vmdk: 'vmdk',
  vhd: 'vhd',
  vhdx: 'vhdx',
};
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** A path in the folder that no file has yet, after the VM's name. */
export async function freePath(folder: string, name: string, extension: string): Promise<string> {
  const safe =
    name
      .replace(/[^\p{L}\p{N} ._-]+/gu, '_')
      .replace(/^\.+/, '_')
      .trim() || 'disk';
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let count = 1; ; count++) {
    const path = join(folder, `${safe}${count === 1 ? '' : `-${count}`}.${extension}`);
    if (!(await exists(path))) return path;
  }
}

export const sourceOf = ({ path, format, allowedFolders }: DiskConfig): DiskSource => ({
  path,
  format,
  allowedFolders,
});

/** Makes empty images and returns them as disks of a VM; removes them again if one fails. */
export async function makeDisks(
  folder: string,
  vmName: string,
  wanted: readonly NewDisk[],
): Promise<DiskConfig[]> {
  const made: DiskConfig[] = [];
  try {
    const { createDisk } = await diskTool();
    for (const disk of wanted) {
      const path = await freePath(folder, vmName, extensions[disk.format]);
      await createDisk({ path, format: disk.format, size: disk.sizeMiB * 2 ** 20 });
      made.push({
        ...{ path, format: disk.format, interface: disk.interface },
        ...{ readOnly: false, allowedFolders: [] },
      });
    }
    return made;
  } catch (error) {
    await removeFiles(made);
    throw error;
  }
}

export async function removeFiles(disks: readonly { readonly path: string }[]): Promise<void> {
  for (const { path } of disks) await rm(path, { force: true });
}

/** The disks of a clone that stands alone. Removes what it has copied if it is cancelled or fails. */
export async function copyDisks(
  folder: string,
  name: string,
  config: VmConfig,
  watch: TaskWatch,
): Promise<DiskConfig[]> {
  const tool = await diskTool();
  const infos = await Promise.all(
    config.disks.map(async (disk) => (await tool.diskInfo(sourceOf(disk)))[0]!),
  );
  const total = infos.reduce((sum, { size }) => sum + size, 0);
  const made: DiskConfig[] = [];
  let before = 0;
  try {
    for (const [index, disk] of config.disks.entries()) {
      const { format, size } = infos[index]!;
      const path = await freePath(folder, name, extensions[format]);
      await tool.convertDisk(
        sourceOf(disk),
        { path, format },
        {
          signal: watch.signal,
          progress: (done) => watch.progress(before + done, total),
        },
      );
      made.push({ ...disk, path, format, allowedFolders: [] });
      before += size;
    }
    watch.signal.throwIfAborted();
    return made;
  } catch (error) {
    await removeFiles(made);
    throw error;
  }
}

/**
 * The disks of a linked clone and of the VM that it is made from: both write to images of their own
 * from now on, which build on what the disks are now.
 */
export async function linkDisks(
  folder: string,
  options: CloneOptions,
  config: VmConfig,
): Promise<{
  readonly clone: DiskConfig[];
  readonly source: DiskConfig[];
  readonly made: DiskConfig[];
}> {
  const tool = await diskTool();
  const made: DiskConfig[] = [];
  const overlay = async (name: string, disk: DiskConfig): Promise<DiskConfig> => {
    const path = await freePath(folder, name, extensions.qcow2);
    await tool.createDisk({ path, format: 'qcow2', backing: sourceOf(disk) });
    const allowed = new Set([...disk.allowedFolders, dirname(disk.path)]);
    allowed.delete(folder);
    const layer: DiskConfig = { ...disk, path, format: 'qcow2', allowedFolders: [...allowed] };
    made.push(layer);
    return layer;
  };
  const clone: DiskConfig[] = [];
  const source: DiskConfig[] = [];
  try {
    for (const disk of config.disks) {
      // What several VMs write to stays one disk; what is only read needs no layer.
      clone.push(disk.shareable ? disk : await overlay(options.name, disk));
      source.push(disk.readOnly || disk.shareable ? disk : await overlay(config.name, disk));
    }
    return { clone, source, made };
  } catch (error) {
    await removeFiles(made);
    throw error;
  }
}

/** Every file that a VM's disk consists of: the image and those that it builds on. Unreadable ones count alone. */
export async function chainOf(disk: DiskConfig): Promise<string[]> {
  try {
    return (await (await diskTool()).diskInfo(sourceOf(disk))).map(({ path }) => path);
  } catch {
    return [disk.path];
  }
}

/** What could be deleted with a VM, and what others still need. */
export async function deletionFiles(
  config: VmConfig,
  others: readonly VmConfig[],
): Promise<DeletionFile[]> {
  const needed = new Map<string, string>();
  for (const other of others)
    for (const disk of other.disks)
      for (const path of await chainOf(disk)) needed.set(path, other.name);
  const files: DeletionFile[] = [];
  for (const disk of config.disks) {
    for (const path of await chainOf(disk)) {
      const size = await stat(path).then(
        (status) => status.size,
        () => undefined,
      );
      if (size === undefined || files.some((file) => file.path === path)) continue;
      const neededBy = needed.get(path);
      files.push({ path, size, ...(neededBy === undefined ? {} : { neededBy }) });
    }
  }
  return files;
}

/** Says of a disk that is not there which one, before anything is done. */
export async function checkDisksExist({ name, disks }: VmConfig): Promise<void> {
  for (const { path } of disks) {
    if (isNbdAddress(path) || (await exists(path))) continue;
    throw new UserError({
      code: 'disk-missing',
      message: `The disk image ${path} of "${name}" does not exist.`,
      hint: 'Choose where it is in the media manager, or remove the disk.',
    });
  }
}
