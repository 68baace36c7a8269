import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { pruneCodeCache } from './pruneCodeCache.ts';

it('removes compiled code that is older than a month, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'guesthouse-code-'));
  try {
    await mkdir(join(folder, 'v26'));
    for (const name of ['old', 'new']) await writeFile(join(folder, 'v26', name), name);
    const made = new Date(Date.now() - 31 * 24 * 3600 * 1000);
    await utimes(join(folder, 'v26', 'old'), made, made);
    await pruneCodeCache(folder);
    expect(await readdir(join(folder, 'v26'))).toEqual(['new']);
    await pruneCodeCache(join(folder, 'nowhere'));
  } finally {
    await rm(folder, { recursive: true });
  }
});
