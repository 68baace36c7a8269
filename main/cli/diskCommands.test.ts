import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseSize } from './optionValues.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-disk-command-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const main = path.join(import.meta.dirname, 'main.js');

function disk(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'disk', ...args], {
    cwd: folder,
    // npm says where its user was.
    env: { ...process.env, INIT_CWD: folder },
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

describe('guesthouse disk', () => {
  const content = Buffer.alloc(3 << 20);
  beforeAll(() => {
    content.fill('some data', 70_000, 900_000);
    writeFileSync(path.join(folder, 'a.img'), content);
  });

  test('converts to another format and back', () => {
    expect(disk('convert', '-O', 'qcow2', 'a.img', 'a.qcow2')).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(disk('convert', '-O', 'raw', 'a.qcow2', 'b.img')).toMatchObject({ code: 0 });
    expect(disk('convert', '--no-flush', '-O', 'raw', 'a.qcow2', 'c.img').code).toBe(0);
    expect(readFileSync(path.join(folder, 'c.img'))).toEqual(
      readFileSync(path.join(folder, 'b.img')),
    );
    expect(readFileSync(path.join(folder, 'b.img')).equals(content)).toBe(true);
    const info = JSON.parse(disk('info', '--json', 'a.qcow2').stdout) as unknown[];
    expect(info).toMatchObject([{ format: 'qcow2', size: content.length }]);
    expect(disk('check', 'a.qcow2')).toMatchObject({ code: 0, stdout: 'The image is in order.\n' });
  });

  test('never overwrites, shrinks only when told to, and removes nothing', () => {
    const before = readFileSync(path.join(folder, 'a.qcow2'));
    expect(disk('create', '-f', 'qcow2', 'a.qcow2', '1G')).toMatchObject({ code: 1 });
    const shrunk = disk('resize', 'a.qcow2', '1M');
    expect(shrunk.stderr).toContain('--shrink');
    expect(shrunk.code).toBe(1);
    expect(readFileSync(path.join(folder, 'a.qcow2')).equals(before)).toBe(true);
    expect(existsSync(path.join(folder, 'a.qcow2.lock'))).toBe(false);
  });

  test('rebases an image with its content, onto another one and onto none', () => {
    const [one, two] = [Buffer.alloc(2 << 20, 'one'), Buffer.alloc(2 << 20, 'one')];
    two.fill('two', 500_000, 700_000);
    writeFileSync(path.join(folder, 'one.img'), one);
    writeFileSync(path.join(folder, 'two.img'), two);
    const named = ['--backing-format', 'raw'];
    expect(disk('create', '-f', 'qcow2', '-b', 'one.img', ...named, 'top.qcow2').code).toBe(0);
    const reads = (expected: Buffer): void => {
      rmSync(path.join(folder, 'read.img'), { force: true });
      expect(disk('convert', '-O', 'raw', 'top.qcow2', 'read.img')).toMatchObject({ code: 0 });
      expect(readFileSync(path.join(folder, 'read.img')).equals(expected)).toBe(true);
    };
    reads(one);
    expect(disk('rebase', '-b', 'two.img', ...named, 'top.qcow2')).toMatchObject({ code: 0 });
    expect(disk('info', 'top.qcow2').stdout).toContain('two.img');
    reads(one);
    expect(disk('rebase', 'top.qcow2')).toMatchObject({ code: 0 });
    rmSync(path.join(folder, 'two.img'));
    reads(one);
  });

  test('compacts an image and leaves its content', () => {
    const full = Buffer.alloc(8 << 20, 'full');
    writeFileSync(path.join(folder, 'full.img'), full);
    expect(disk('convert', '-O', 'qcow2', 'full.img', 'full.qcow2').code).toBe(0);
    const zeroes = spawnSync('qemu-io', [
      '-c',
      'write -P 0 1M 6M',
      path.join(folder, 'full.qcow2'),
    ]);
    expect(zeroes.status).toBe(0);
    full.fill(0, 1 << 20, 7 << 20);
    writeFileSync(path.join(folder, 'full.img'), full);
    for (const name of ['full.qcow2', 'full.img']) {
      const { before, after } = JSON.parse(disk('compact', '--json', name).stdout) as {
        before: number;
        after: number;
      };
      expect(after).toBeLessThan(before - (5 << 20));
      rmSync(path.join(folder, 'read.img'), { force: true });
      expect(disk('convert', '-O', 'raw', name, 'read.img').code).toBe(0);
      expect(readFileSync(path.join(folder, 'read.img')).equals(full)).toBe(true);
    }
    expect(disk('check', 'full.qcow2').code).toBe(0);
  });

  test('opens no image outside the folder that nobody allowed', () => {
    expect(disk('create', '-f', 'qcow2', '-b', main, '--allow', '/', 'far.qcow2').code).toBe(0);
    const refused = disk('info', 'far.qcow2');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('outside its folder');
    expect(disk('info', '--allow', path.dirname(main), 'far.qcow2').code).toBe(0);
  });

  test('understands sizes', () => {
    expect([parseSize('20G'), parseSize('512'), parseSize('1.5k')]).toEqual([
      20 * 2 ** 30,
      512,
      1536,
    ]);
    expect(() => parseSize('big')).toThrow('is no size');
  });
});
