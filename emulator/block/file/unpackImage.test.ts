/** Compressed images that are read in place, as the tools of others write them, and those that cannot be. */
import zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  asBgzf,
  asFrames,
  piped,
  withSeekTable,
  zstdFrame,
} from '../../../test/framework/storage/packedFiles.ts';
import { Random } from '../../../test/framework/storage/random.ts';
import { compressionOf, type Compression } from '../detectFormat.ts';
import { MemoryFile } from '../memoryFile.ts';
import { unpackImage } from './unpackImage.ts';

const MiB = 1 << 20;
const random = new Random(5);
/** Half of it random, so that what comes out of the tools has some length. */
const content = Buffer.concat([random.bytes(MiB), new Uint8Array(MiB / 2), random.bytes(MiB / 4)]);

const xz = (...options: string[]): Buffer => piped('xz', ['-0', '-c', ...options], content);

const inPlace: readonly (readonly [string, Compression, () => Buffer])[] = [
  ['xz of several blocks', 'xz', () => xz('--block-size=200000')],
  ['xz by several threads', 'xz', () => xz('-T2', '--block-size=400000', '--check=sha256')],
  ['xz of one block, in two streams', 'xz', () => Buffer.concat([xz(), Buffer.alloc(8), xz()])],
  ['zstd of several frames', 'zstd', () => asFrames(content, 500_000)],
  ['zstd with a seek table', 'zstd', () => withSeekTable(content, 200_000)],
  ['zstd of one frame', 'zstd', () => zstdFrame(content)],
  ['gzip of bgzip', 'gzip', () => asBgzf(content, 65_000)],
];

const open = (packed: Uint8Array, compression: Compression) =>
  unpackImage(new MemoryFile(packed, '/image', true), compression, () =>
    Promise.reject(new Error('it was unpacked as a whole')),
  );

describe.for(inPlace)('%s', ([name, compression, pack]) => {
  test('is read in place, and its damage is found where it is', async () => {
    const packed = pack();
    expect(compressionOf(packed)).toBe(compression);
    const file = await open(packed, compression);
    const whole = file.size === 2 * content.length ? Buffer.concat([content, content]) : content;
    expect(file.size).toBe(whole.length);
    const some = async (): Promise<void> => {
      const at = random.below(whole.length);
      const length = random.below(Math.min(whole.length - at, 300_000));
      const [head, tail] = [Buffer.alloc(length), Buffer.alloc(4096, 1)];
      if (random.next() < 0.5) await file.read(at, [head, tail]);
      else if (!file.readNow?.(at, [head, tail])) await file.read(at, [head, tail]);
      const wanted = Buffer.alloc(length + 4096);
      whole.copy(wanted, 0, at, at + wanted.length);
      expect(Buffer.concat([head, tail]).equals(wanted)).toBe(true);
    };
    for (let i = 0; i < 10; i++) await Promise.all([some(), some(), some(), some()]);
    await expect(file.write(0, [Buffer.alloc(1)])).rejects.toMatchObject({ code: 'read-only' });
    await file.close();

    const damaged = Uint8Array.from(packed);
    const middle = Math.floor(packed.length / 4);
    damaged.fill(0xa5, middle, middle + 64);
    const one = await open(damaged, compression);
    const bytes = Buffer.alloc(whole.length);
    const error = { code: 'corrupt', message: expect.stringContaining('/image') as unknown };
    await expect(one.read(0, [bytes])).rejects.toMatchObject(error);
    // Its end is whole, and needs nothing of that.
    const end = Buffer.alloc(4096);
    const last = one.read(whole.length - end.length, [end]);
    if (name.includes('one')) await last.catch(() => undefined);
    else await last;
    if (!name.includes('one')) expect(end.equals(whole.subarray(-end.length))).toBe(true);
    await one.close();
  });
});

test('a file that cannot be read in place is unpacked as a whole: plain gzip, parts of more than 32 MiB', async () => {
  const large = Buffer.alloc(33 * MiB, 1);
  const packs: readonly (readonly [Compression, Uint8Array, Buffer])[] = [
    ['gzip', content, zlib.gzipSync(content)],
    ['xz', large, piped('xz', ['-0', '-c'], large)],
    ['zstd', large, zlib.zstdCompressSync(large)],
    ['zstd', content, piped('zstd', ['-q', '-c', '--no-content-size'], content)],
  ];
  for (const [compression, whole, packed] of packs) {
    const target = new MemoryFile();
    let asked = 0;
    const file = await unpackImage(
      new MemoryFile(packed, '/image', true),
      compression,
      async () => {
        asked++;
        return {
          write: (at, bytes) => target.write(at, [bytes]),
          finish: async (size) => {
            await target.resize(size);
            return target;
          },
          abandon: async () => {},
        };
      },
    );
    expect(asked).toBe(1);
    const bytes = Buffer.alloc(file.size);
    await file.read(0, [bytes]);
    expect(bytes.equals(whole)).toBe(true);
  }
});
