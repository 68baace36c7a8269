/** Builds a Debian guest of the gallery: fetches and checks its packages and writes disk, kernel and initramfs. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../../shared/services/errors.ts';
import type { BootConfig } from '../../shared/vm/config.ts';
import { diskTool } from '../manager/diskTool.ts';
import type { TaskWatch } from '../manager/taskList.ts';
import { packageFile, readArchive } from './debianArchive.ts';
import { readDeb, type DebFile } from './debFile.ts';
import { DebianGuest } from './debianGuest.ts';
import { Downloads } from './downloads.ts';
import { writeExt4 } from './ext4Image.ts';
import type { GalleryEntry } from './galleryEntry.ts';
import { resolvePackages } from './resolvePackages.ts';

/** Packages, the file system and its copy as QCOW2. */
const neededMiB = 800;

export interface BuildOptions {
  readonly mirror: string;
  /** The library's folder `gallery`. */
  readonly folder: string;
  /** Where the disk shall be; nothing is there. */
  readonly diskPath: string;
  readonly vmName: string;
}

/** What the VM boots. Removes what it has written, but for downloads, if it is cancelled or fails. */
export async function buildDebian(
  entry: GalleryEntry,
  options: BuildOptions,
  watch: TaskWatch,
): Promise<Pick<BootConfig, 'kernel' | 'initrd' | 'commandLine'>> {
  const { debian, signedBy, diskMiB } = entry;
  const { mirror, folder, diskPath } = options;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await checkSpace(dirname(diskPath));
  const downloads = new Downloads(join(folder, 'downloads'));

  watch.step('lists');
  const archive = await readArchive({ ...debian, mirror, keys: signedBy }, downloads, watch.signal);
  const names = resolvePackages(archive, debian.packages);
  const kernelName = /^linux-image-\S+/.exec(archive.get(debian.kernel)?.get('Depends') ?? '')?.[0];
  const wanted = [...names, kernelName ?? debian.kernel, 'busybox-static'].map((name) => {
    const fields = archive.get(name);
    if (!fields) throw new Error(`The archive has no package ${name}.`);
    return { fields, file: packageFile(mirror, fields) };
  });

  watch.step('packages');
  const uuid = randomUUID();
  const now = Math.floor(Date.now() / 1000);
  const guest = new DebianGuest({
    ...{ now, uuid, mirror, hostName: hostNameOf(options.vmName) },
    ...{ suite: debian.suite, component: debian.component, omit: debian.omit },
  });
  const total = wanted.reduce((sum, { file }) => sum + file.size, 0);
  let before = 0;
  const fetched = async ({ file }: (typeof wanted)[number]): Promise<DebFile> => {
    const bytes = await downloads.fetch(file, watch.signal, (done) =>
      watch.progress(before + done, total),
    );
    before += file.size;
    return readDeb(bytes);
  };
  for (const each of wanted.slice(0, -2)) guest.add(each.fields, await fetched(each));
  const { image, release } = guest.addKernel(await fetched(wanted.at(-2)!));
  guest.finish();
  const initramfs = guest.initramfs(await fetched(wanted.at(-1)!), release);

  watch.step('disk');
  const bootFolder = join(folder, entry.id, release);
  await mkdir(bootFolder, { recursive: true, mode: 0o700 });
  const [kernel, initrd] = [join(bootFolder, 'vmlinuz'), join(bootFolder, 'initrd.img')];
  await writeFile(kernel, image);
  await writeFile(initrd, initramfs);
  await writeDisk(guest, { diskPath, size: diskMiB * 2 ** 20, uuid, now }, watch);
  return {
    ...{ kernel, initrd },
    commandLine: `root=UUID=${uuid} console=tty0 console=ttyS0 quiet`,
  };
}

/** As a raw file first, then as QCOW2, which is small on every host's file system. */
async function writeDisk(
  guest: DebianGuest,
  about: { readonly diskPath: string; readonly size: number; uuid: string; now: number },
  { signal, progress }: TaskWatch,
): Promise<void> {
  const raw = `${about.diskPath}.part`;
  try {
    await using file = await open(raw, 'wx');
    await file.truncate(about.size);
    await writeExt4(guest.tree, {
      ...{ size: about.size, now: about.now, label: 'debian' },
      uuid: Buffer.from(about.uuid.replaceAll('-', ''), 'hex'),
      write: async (offset, bytes) => {
        signal.throwIfAborted();
        await file.write(bytes, 0, bytes.length, offset);
      },
    });
    await file.close();
    await (
      await diskTool()
    ).convertDisk(
      { path: raw, format: 'raw', allowedFolders: [] },
      { path: about.diskPath, format: 'qcow2', size: about.size },
      { signal, progress },
    );
  } finally {
    await rm(raw, { force: true });
  }
}

async function checkSpace(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = await statfs(folder);
  const freeMiB = Math.floor((bavail * bsize) / 2 ** 20);
  if (freeMiB >= neededMiB) return;
  throw new UserError({
    code: 'no-space',
    message: `Building this guest takes ${neededMiB} MiB, and ${folder} has ${freeMiB} MiB free.`,
    hint: 'Make room, or choose another folder for new disks in the preferences.',
  });
}

/** A name that is a host name (RFC 1123). */
function hostNameOf(name: string): string {
  const safe = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replace(/^-+|-+$/g, '');
  return safe === '' ? 'debian' : safe;
}
