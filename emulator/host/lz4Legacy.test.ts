import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lz4LegacyDecompress } from './lz4Legacy.ts';

const frame = (...blocks: readonly (readonly number[])[]): Uint8Array => {
  const parts = blocks.map((block) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    return Buffer.concat([size, Buffer.from(block)]);
  });
  return Buffer.concat([Buffer.from([0x02, 0x21, 0x4c, 0x18]), ...parts]);
};
const text = (input: Uint8Array): string => Buffer.from(lz4LegacyDecompress(input)).toString();
const ascii = (string: string): readonly number[] => [...Buffer.from(string)];

describe('a legacy LZ4 frame', () => {
  test('has literals, matches that overlap themselves, and blocks that stand alone', () => {
    expect(text(frame([0x24, ...ascii('ab'), 2, 0, 0x10, ...ascii('!')]))).toBe('abababab' + 'ab!');
    expect(text(frame([0x20, ...ascii('ab')], [0x20, ...ascii('cd')]))).toBe('abcd');
  });

  test('extends lengths by bytes of 255 and a last one', () => {
    const long = 'x'.repeat(15 + 255 + 7);
    expect(text(frame([0xf0, 255, 7, ...ascii(long)]))).toBe(long);
    expect(text(frame([0xf0, 0, ...ascii('fifteen letters')]))).toBe('fifteen letters');
    const match = frame([0x1f, ...ascii('y'), 1, 0, 255, 255, 3, 0x10, ...ascii('z')]);
    expect(text(match)).toBe('y'.repeat(1 + 19 + 255 + 255 + 3) + 'z');
  });

  test.each([
    ['not a legacy LZ4 frame', Buffer.from('BZh9')],
    ['a block is cut off', frame([0x10, 65]).subarray(0, 9)],
    ['a length is cut off', frame([0xf0, 255, 255])],
    ['literals exceed the block', frame([0x50, 65])],
    ['a match lies outside the block', frame([0x10, 65, 0, 0, 0])],
    ['a match lies outside the block', frame([0x10, 65, 2, 0, 0])],
  ])('that is damaged is refused: %s', (message, input) => {
    expect(() => lz4LegacyDecompress(input)).toThrow(message);
  });

  /**
   * A vmlinux starts with a header and 2 MiB of zeros, one match. With the compiled code of a former
   * run, as `guesthouse` uses it, V8 then changes to optimised code within that match's loop.
   */
  test('with a match of 2 MiB is read the same by code from the compile cache', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lz4-'));
    try {
      const plain = Buffer.concat([
        readFileSync(process.execPath).subarray(0, 400),
        Buffer.alloc(2 << 20),
        readFileSync(process.execPath).subarray(0, 3 << 20),
      ]);
      writeFileSync(join(folder, 'plain'), plain);
      execFileSync('lz4', ['-q', '-l', '-9', join(folder, 'plain'), join(folder, 'packed')]);
      const decoder = new URL('lz4Legacy.ts', import.meta.url).href;
      const program = `
        import { readFileSync } from 'node:fs';
        import { lz4LegacyDecompress } from ${JSON.stringify(decoder)};
        const whole = lz4LegacyDecompress(readFileSync('packed'));
        process.exitCode = Buffer.compare(whole, readFileSync('plain')) === 0 ? 0 : 9;`;
      writeFileSync(join(folder, 'program.mjs'), program);
      const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, 'code') };
      for (let run = 0; run < 3; run++)
        execFileSync(process.execPath, ['program.mjs'], { cwd: folder, env, stdio: 'pipe' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
