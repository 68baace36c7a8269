/** Raw disk images with an ext4 file system, made and checked by e2fsprogs without root. */
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { cached, contentKey, hostTool } from './guestCache.ts';

export interface Ext4Choice {
  readonly sizeMiB: number;
  /** Files by path from the root of the file system. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

const mke2fs = '/sbin/mke2fs';

/** Writes a fresh image to `target` (the cache keeps a master copy). */
export async function makeExt4Disk(target: string, choice: Ext4Choice): Promise<void> {
  const files = Object.entries(choice.files ?? {});
  const key = contentKey('ext4 1', String(choice.sizeMiB), ...files.flat());
  const master = await cached(`disks/ext4-${choice.sizeMiB}M-${key}.img`, async (image) => {
    const content = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-ext4-'));
    try {
      for (const [name, bytes] of files) {
        const file = path.join(content, name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, bytes);
      }
      await writeFile(image, '');
      await truncate(image, choice.sizeMiB * 1024 * 1024);
      await hostTool(mke2fs, ['-q', '-t', 'ext4', '-F', '-L', 'guest', '-d', content, image]);
    } finally {
      await rm(content, { recursive: true, force: true });
    }
  });
  await copyFile(master, target);
}

/** Throws with e2fsck's report if the file system is not clean. */
export async function checkExt4Disk(image: string): Promise<void> {
  try {
    await hostTool('/sbin/fsck.ext4', ['-fn', image]);
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`fsck.ext4 -fn ${image} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

/** Copies a file out of the image. */
export async function extractFromExt4(image: string, file: string, target: string): Promise<void> {
  await hostTool('/sbin/debugfs', ['-R', `dump ${file} ${target}`, image]);
}
