/** Appliances (OVF 1.1): a descriptor, a manifest and stream-optimized VMDKs, in one archive or side by side. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { VmConfig } from '../../../shared/vm/config.ts';
import { diskTool } from '../diskTool.ts';
import type { TaskWatch } from '../taskList.ts';
import { sourceOf } from '../vmDisks.ts';
import { place } from './newFile.ts';
import { writeTar } from './tarFile.ts';
import { writeOvf, type OvfFile } from './writeOvf.ts';

/** The files of an appliance that is not in one archive. */
export const ovfNames = (path: string, { disks }: VmConfig): string[] => {
  const base = path.replace(/\.[^.]*$/, '');
  return [path, `${base}.mf`, ...disks.map((_, i) => `${base}-disk${i + 1}.vmdk`)];
};

/** Makes the files in `scratch`, then gives them their names. */
export async function exportOvf(
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
