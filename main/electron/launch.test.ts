import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { findElectron } from './launch.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function checkout(installed: boolean): string {
  const root = mkdtempSync(path.join(tmpdir(), 'guesthouse-launch-'));
  folders.push(root);
  const electron = path.join(root, 'node_modules/electron');
  mkdirSync(path.join(electron, 'dist'), { recursive: true });
  if (installed) {
    writeFileSync(path.join(electron, 'path.txt'), 'electron');
    writeFileSync(path.join(electron, 'dist/electron'), '');
  }
  return root;
}
const display = { DISPLAY: ':0' };

test('an installed Electron is found', () => {
  const root = checkout(true);
  expect(findElectron(root, display, 'linux', false)).toEqual({
    binary: path.join(root, 'node_modules/electron/dist/electron'),
  });
});

test('each reason against the desktop shell is told', () => {
  const root = checkout(true);
  expect(findElectron(checkout(false), display, 'linux', false)).toMatchObject({
    reason: expect.stringContaining('not installed'),
  });
  expect(findElectron(root, {}, 'linux', false)).toEqual({ reason: 'there is no display' });
  expect(findElectron(root, display, 'linux', true)).toMatchObject({
    reason: expect.stringContaining('root'),
  });
  expect(findElectron(root, {}, 'darwin', true)).toHaveProperty('binary');
});
