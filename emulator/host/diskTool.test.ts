import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { convertDisk } from './diskTool.ts';

test('a conversion that is cancelled leaves none of its files behind', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'convert-'));
  try {
    const source = path.join(folder, 'source.raw');
    writeFileSync(source, new Uint8Array(8 << 20).fill(1));
    const from = { path: source, format: 'raw', allowedFolders: [] } as const;
    const target = { path: path.join(folder, 'copy.vmdk'), format: 'vmdk', fixed: true } as const;
    await expect(convertDisk(from, target, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'disk-cancelled',
    });
    expect(existsSync(source)).toBe(true);
    expect(readdirSync(folder)).toEqual(['source.raw']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
