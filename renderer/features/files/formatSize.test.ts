import { expect, test } from 'vitest';
import { formatSize } from './formatSize.ts';

test('sizes are short and in binary units', () => {
  expect([0, 1023, 1024, 1536, 8_188_736, 64 << 20, 5e12].map(formatSize)).toEqual([
    '0 bytes',
    '1023 bytes',
    '1 KiB',
    '1.5 KiB',
    '7.81 MiB',
    '64 MiB',
    '4.55 TiB',
  ]);
});
