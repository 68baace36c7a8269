import { describe, expect, it } from 'vitest';
import { BlockError, type BlockBackend } from '../backends/block.ts';
import { readAhead } from './readAhead.ts';

const size = 1_000_448;
const content = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >>> 9)) & 0xff);

function medium(fails: (offset: number, length: number) => boolean = () => false) {
  const reads: number[] = [];
  const backend: BlockBackend = {
    size,
    readOnly: true,
    read: (offset, buffers) => {
      const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
      if (offset + length > size || fails(offset, length))
        return Promise.reject(new BlockError('io', `bad sector at ${offset}`));
      reads.push(offset);
      for (let at = offset, i = 0; i < buffers.length; at += buffers[i++]!.length)
        buffers[i]!.set(content.subarray(at, at + buffers[i]!.length));
      return Promise.resolve();
    },
    write: () => Promise.reject(new Error('written')),
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return { reads, ahead: readAhead(backend) };
}

const read = async (disk: BlockBackend, offset: number, ...lengths: number[]): Promise<Buffer> => {
  const buffers = lengths.map((length) => new Uint8Array(length));
  await disk.read(offset, buffers);
  return Buffer.concat(buffers);
};
const expected = (offset: number, length: number): Buffer =>
  Buffer.from(content.subarray(offset, offset + length));

describe('reading ahead', () => {
  it('gives what the medium has, at any place and cut in any way', async () => {
    const { ahead } = medium();
    for (let i = 0; i < 2000; i++) {
      const sectors = 1 + ((i * 7919) % 200);
      const offset = 512 * ((i * 104729) % (size / 512 - sectors));
      const first = 512 * ((i * 31) % sectors);
      const bytes = await read(ahead, offset, first, 512 * sectors - first);
      expect(bytes.equals(expected(offset, 512 * sectors))).toBe(true);
    }
  });

  it('reads the host once for many small reads, also of several at a time', async () => {
    const { ahead, reads } = medium();
    await Promise.all(
      Array.from({ length: 64 }, async (_, i) => {
        expect((await read(ahead, 2048 * i, 2048)).equals(expected(2048 * i, 2048))).toBe(true);
      }),
    );
    expect(reads).toEqual([0]);
    const last = size - 2048;
    expect((await read(ahead, last, 2048)).equals(expected(last, 2048))).toBe(true);
  });

  it('reads what is good beside what is bad, and names what is bad each time', async () => {
    const { ahead } = medium((offset, length) => offset <= 40_960 && offset + length > 40_960);
    expect((await read(ahead, 0, 2048)).equals(expected(0, 2048))).toBe(true);
    await expect(read(ahead, 40_960, 2048)).rejects.toThrow('bad sector at 40960');
    await expect(read(ahead, 40_960, 2048)).rejects.toThrow('bad sector at 40960');
    await expect(read(ahead, size - 512, 1024)).rejects.toThrow('bad sector');
  });
});
