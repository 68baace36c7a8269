import { expect, it } from 'vitest';
import { useOf } from './mediumUse.ts';

it('what a file can be in a machine follows from what it is', () => {
  expect(useOf({ kind: 'iso' })).toEqual({ as: 'cdrom' });
  expect(useOf({ kind: 'floppy' })).toEqual({ as: 'floppy' });
  expect(useOf({ kind: 'kernel' })).toEqual({ as: 'kernel' });
  expect(useOf({ kind: 'raw' })).toEqual({ as: 'disk', format: 'raw' });
  expect(useOf({ kind: 'vbox' })).toBeUndefined();
  expect(useOf({ kind: 'other', content: 'text', start: '' })).toBeUndefined();
});
