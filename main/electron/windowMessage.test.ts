import { expect, test } from 'vitest';
import { appOrigin } from './securityPolicy.ts';
import { heardMessage } from './windowMessage.ts';

const page = { url: `${appOrigin}/?vm=1`, parent: null };
const openVm = { kind: 'openVm', vmId: '7f0c3a0e-6a52-4c0f-8d3e-0d9f4a1b2c3d' };

test('pages of ours are heard', () => {
  expect(heardMessage(page, openVm)).toEqual(openVm);
  expect(heardMessage(page, { kind: 'requestPort' })).toEqual({ kind: 'requestPort' });
});

test('other pages, frames and shapes are not', () => {
  expect(heardMessage(null, openVm)).toBeUndefined();
  expect(heardMessage({ ...page, parent: page }, openVm)).toBeUndefined();
  expect(heardMessage({ ...page, url: 'https://example.org/' }, openVm)).toBeUndefined();
  for (const strange of [
    undefined,
    'requestPort',
    { kind: 'openVm', vmId: '../../etc' },
    { kind: 'openVm' },
    { kind: 'closeWindow', other: 1 },
    { kind: 'exec', command: 'ls' },
  ])
    expect(heardMessage(page, strange)).toBeUndefined();
});
