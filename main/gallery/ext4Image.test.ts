import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeSync, closeSync, ftruncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ext4Granularity, writeExt4 } from './ext4Image.ts';
import { FileTree } from './fileTree.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'guesthouse-ext4-'));
afterAll(() => rmSync(folder, { recursive: true }));

const debugfs = (image: string, command: string): string =>
  execFileSync('/sbin/debugfs', ['-R', command, image], { encoding: 'utf8', stdio: 'pipe' });

test('an image that is written passes e2fsck and holds what was put in', async () => {
  const image = path.join(folder, 'root.img');
  const tree = new FileTree(1_700_000_000);
  tree.folder('usr/bin');
  tree.link('bin', 'usr/bin');
  tree.file('bin/sh', 'a shell', 0o4755);
  tree.hardLink('usr/bin/dash', 'usr/bin/sh');
  tree.link('etc/long', `/${'x'.repeat(100)}`);
  tree.put('dev/console', {
    ...{ kind: 'character', major: 5, minor: 1, mode: 0o600, uid: 0, gid: 5, mtime: 0 },
  });
  // More than a group of blocks and, in one folder, more than a block of names.
  tree.file('large', new Uint8Array(150 * 2 ** 20).fill(7));
  for (let i = 0; i < 500; i++) tree.file(`many/a file with number ${i}`, String(i));
  const file = openSync(image, 'w');
  const size = 4 * ext4Granularity;
  ftruncateSync(file, size);
  await writeExt4(tree, {
    ...{ size, uuid: new Uint8Array(16).fill(0x5a), label: 'guest', now: 1_700_000_000 },
    write: (offset, bytes) => {
      writeSync(file, bytes, 0, bytes.length, offset);
      return Promise.resolve();
    },
  });
  closeSync(file);
  const { stdout, status } = spawnSync('/sbin/e2fsck', ['-fn', image], { encoding: 'utf8' });
  expect(`${stdout}${status}`).toMatch(/Pass 5: Checking group summary information\nguest: .*\n0$/);
  expect(debugfs(image, 'cat /usr/bin/dash')).toBe('a shell');
  expect(debugfs(image, 'cat /many/a\\ file\\ with\\ number\\ 499')).toBe('');
  expect(debugfs(image, 'cat "/many/a file with number 499"')).toBe('499');
  expect(debugfs(image, 'stat /usr/bin/sh')).toMatch(/Mode: {2}04755[\s\S]*Links: 2/);
  expect(debugfs(image, 'stat /etc/long')).toContain('Type: symlink');
  expect(debugfs(image, 'stat /dev/console')).toMatch(/Group: {5}5[\s\S]*5:1|05:01/);
  expect(debugfs(image, 'stat /large')).toContain('Size: 157286400');
});
