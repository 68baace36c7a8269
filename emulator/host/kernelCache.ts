/**
 * Unpacked kernels of former starts, by the SHA-256 of the file they come from: reading one takes a tenth of the time of
 * unpacking it. Nothing depends on it; where the cache cannot be used the kernel is unpacked.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './paths.ts';

/** Kernels kept, the last used ones; a vmlinux has some 50 MB. */
const limit = 4;

/** What `unpack` gives for `file`, from the cache if it is there. */
export async function cachedKernel(
  file: Uint8Array,
  unpack: () => Promise<Uint8Array | undefined>,
  folder = join(cacheFolder(), 'kernels'),
): Promise<Uint8Array | undefined> {
  const path = join(folder, createHash('sha256').update(file).digest('hex'));
  const known = await readFile(path).catch(() => undefined);
  if (known !== undefined) {
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    return known;
  }
  const kernel = await unpack();
  // Not waited for: the guest starts meanwhile.
  if (kernel !== undefined) void keep(folder, path, kernel).catch(() => undefined);
  return kernel;
}

async function keep(folder: string, path: string, kernel: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}`;
  try {
    // On the disk before it has its name: a crash of the host must not leave half a kernel.
    await writeFile(temporary, kernel, { mode: 0o600, flush: true });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  const used = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const file = join(folder, name);
      return { file, at: (await stat(file)).mtimeMs };
    }),
  );
  used.sort((a, b) => b.at - a.at);
  for (const { file } of used.slice(limit)) await rm(file, { force: true });
}
