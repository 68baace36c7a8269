/** Entries of the gallery: data files, those that come with the program and those in the library's folder `gallery`. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { GalleryList } from '../../shared/services/gallery.ts';
import { mostCoreMemoryMiB } from '../../shared/vm/config.ts';
import debian12Small from './entries/debian12Small.json' with { type: 'json' };

const debianSchema = z.strictObject({
  /** Used if neither the preferences nor the host's own apt name one. */
  mirror: z.url({ protocol: /^https?$/ }),
  suite: z.string().regex(/^[a-z][a-z-]*$/),
  component: z.string().regex(/^[a-z-]+$/),
  architecture: z.literal('amd64'),
  /** A package that stands for the newest kernel. */
  kernel: z.string(),
  /** Besides the required ones. */
  packages: z.array(z.string()).max(500),
  /** What is not unpacked: paths begin with one of these. */
  omit: z.array(z.string().regex(/^[a-z0-9/._-]+\/$/)).default([]),
});

export const galleryEntrySchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,60}$/),
  name: z.string().min(1).max(100),
  description: z.object({ en: z.string() }).catchall(z.string()),
  memoryMiB: z.int().min(64).max(mostCoreMemoryMiB),
  /** A multiple of 128. */
  diskMiB: z.int().min(1024).max(65_536).multipleOf(128),
  debian: debianSchema,
  /** OpenPGP public keys in ASCII armour. */
  signedBy: z.array(z.string().startsWith('-----BEGIN PGP PUBLIC KEY BLOCK-----')).min(1),
});
export type GalleryEntry = z.output<typeof galleryEntrySchema>;

const shipped: readonly unknown[] = [debian12Small];

export async function galleryEntries(
  folder: string,
): Promise<{ entries: GalleryEntry[]; problems: GalleryList['problems'] }> {
  const entries = shipped.map((entry) => galleryEntrySchema.parse(entry));
  const problems: { file: string; message: string }[] = [];
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  for (const name of files.sort()) {
    const file = join(folder, name);
    try {
      const entry = galleryEntrySchema.parse(JSON.parse(await readFile(file, 'utf8')));
      if (entries.some(({ id }) => id === entry.id))
        throw new Error(`There is a ${entry.id} already.`);
      entries.push(entry);
    } catch (error) {
      const message = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      problems.push({ file, message });
    }
  }
  return { entries, problems };
}
