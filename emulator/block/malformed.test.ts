/**
 * Damaged images: more than 200,000 changes to real ones. Whatever the bytes say, the answer is a disk or a
 * BlockError, soon, and nothing is written.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { MemoryStore } from '../../test/framework/storage/memoryStore.ts';
import {
  asBgzf,
  asFrames,
  piped,
  withSeekTable,
} from '../../test/framework/storage/packedFiles.ts';
import { qemuFormat, qemuImg } from '../../test/framework/storage/qemuImg.ts';
import { Random, seedOf } from '../../test/framework/storage/random.ts';
import { BlockError } from '../backends/block.ts';
import type { ImageFormat } from './blockImage.ts';
import { openImage } from './openImage.ts';

const casesPerSeed = 25_000;
const seed = seedOf('malformed images');
const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-malformed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const images: readonly (readonly [string, ImageFormat, readonly string[]])[] = [
  ['qcow2', 'qcow2', ['-o', 'cluster_size=4096']],
  ['qcow2 with subclusters', 'qcow2', ['-o', 'extended_l2=on,cluster_size=16k']],
  ['qcow2, compressed by zstd', 'qcow2', ['-c', '-o', 'compression_type=zstd,cluster_size=4096']],
  ['vdi', 'vdi', []],
  ['vhd', 'vhd', []],
  ['vhdx', 'vhdx', ['-o', 'block_size=1M']],
  ['vmdk', 'vmdk', []],
  ['stream-optimized vmdk', 'vmdk', ['-o', 'subformat=streamOptimized']],
];
const size = 1 << 20;

describe.for(images)('a damaged image of the kind %s', ([, format, options]) => {
  test('is read or refused, and never written', { timeout: 300_000 }, async () => {
    const raw = path.join(folder, 'raw');
    const image = path.join(folder, 'image');
    writeFileSync(raw, Buffer.concat([Buffer.alloc(65_536, 7), Buffer.alloc(size - 65_536)]));
    qemuImg('convert', '-f', 'raw', '-O', qemuFormat(format), ...options, raw, image);
    const original = new Uint8Array(readFileSync(image));
    const bytes = Uint8Array.from(original);
    // Bytes that mean something: what is not zero, but for the data, and what stands next to it.
    const places: number[] = [];
    original.forEach((byte, at) => {
      if (byte !== 0 && byte !== 7) places.push(at);
    });
    const random = new Random(seed);
    const store = new MemoryStore();
    store.put('/image', bytes);
    let opened = 0;
    for (let i = 0; i < casesPerSeed; i++) {
      const changed = damage(bytes, places, random);
      try {
        const disk = await openImage(store, { path: '/image', format, readOnly: true });
        opened++;
        for (let k = 0; k < 2; k++) {
          const at = random.below(Math.min(disk.size, size) / 512) * 512;
          const length = Math.min(4096, disk.size - at);
          await disk.read(at, [new Uint8Array(length)]).catch(expectBlockError);
        }
        if (i % 8 === 0) await disk.check().catch(expectBlockError);
        await disk.close();
      } catch (error) {
        expectBlockError(error);
      }
      for (const [from, to] of changed) bytes.set(original.subarray(from, to), from);
    }
    expect(Buffer.from(bytes).equals(original)).toBe(true);
    expect(opened).toBeGreaterThan(casesPerSeed / 100);
  });
});

/** Each case starts a decompressor, and checksums refuse nearly all. */
const compressedCases = 3000;
const packers: readonly {
  readonly name: string;
  pack(image: Buffer): Buffer;
  /** Nothing but a checksum would tell that it is damaged, and there is none where it is. */
  readonly unnoticed?: true;
  /** Where a part ends the file may end. */
  readonly ends?: true;
}[] = [
  { name: 'gzip -6', pack: (image) => piped('gzip', ['-c', '-6'], image) },
  { name: 'xz --check=crc64', pack: (image) => piped('xz', ['-c', '--check=crc64'], image) },
  { name: 'xz --check=none', pack: (image) => piped('xz', ['-c', '--check=none'], image) },
  {
    name: 'xz, in blocks',
    pack: (image) => piped('xz', ['-c', '--check=none', '--block-size=8192'], image),
  },
  {
    ...{ name: 'zstd --no-check', unnoticed: true },
    pack: (image) => piped('zstd', ['-q', '-c', '--no-check'], image),
  },
  { name: 'zstd, in frames', pack: (image) => asFrames(image, 8192), unnoticed: true, ends: true },
  {
    ...{ name: 'zstd, in frames with a table', unnoticed: true, ends: true },
    pack: (image) => withSeekTable(image, 8192),
  },
  { name: 'BGZF', pack: (image) => asBgzf(image, 8192), unnoticed: true, ends: true },
];

describe.for(packers)('a damaged image in a file of $name', ({ pack, unnoticed, ends }) => {
  test('is read or refused, and never written', { timeout: 300_000 }, async () => {
    const random = new Random(seed);
    const raw = path.join(folder, 'packed-raw');
    const image = path.join(folder, 'packed');
    const text = Array.from({ length: 3000 }, () => random.pick(['host', 'guest', 'disk', '\0']));
    writeFileSync(raw, Buffer.concat([Buffer.from(text.join('')), Buffer.alloc(40_000)]));
    rmSync(image, { force: true });
    qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=512', raw, image);
    const original = Uint8Array.from(pack(readFileSync(image)));
    const places = original.keys().toArray();
    const store = new MemoryStore();
    store.put('/image', original.slice());
    const whole = await openImage(store, { path: '/image', format: 'auto', readOnly: true });
    expect(whole.format).toBe('qcow2');
    await whole.close();
    let opened = 0;
    for (let i = 0; i < compressedCases; i++) {
      const bytes = Uint8Array.from(original);
      const cutOff = i % 16 === 0;
      if (!cutOff) damage(bytes, places, random);
      const left = cutOff ? bytes.subarray(0, random.below(bytes.length - 8)) : bytes;
      const before = Uint8Array.from(left);
      store.put('/image', left);
      try {
        const choice = { path: '/image', format: 'auto', readOnly: true } as const;
        const disk = await openImage(store, choice);
        // A start that is that of no compressed file is that of a raw disk.
        if (disk.format === 'qcow2') {
          if (!ends) expect(cutOff).toBe(false);
          opened++;
        }
        await disk.read(0, [new Uint8Array(Math.min(disk.size, 4096))]).catch(expectBlockError);
        await disk.close();
      } catch (error) {
        expectBlockError(error);
      }
      expect(Buffer.from(store.bytes('/image')).equals(before)).toBe(true);
    }
    // (Of .xz only one or two in all open, in some runs none: its coder gets out of step.)
    if (unnoticed) expect(opened).toBeGreaterThan(0);
  });
});

function expectBlockError(error: unknown): void {
  if (!(error instanceof BlockError)) throw error;
  expect(error.message).toContain('/image');
}

const interesting = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as const;

/** Changes some bytes; returns the ranges. */
function damage(
  bytes: Uint8Array,
  places: readonly number[],
  random: Random,
): (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  for (let count = 1 + random.below(3); count > 0; count--) {
    const near = random.pick(places) - random.below(8) + random.below(8);
    const at = Math.max(0, Math.min(bytes.length - 8, near));
    const length = random.pick([1, 2, 4, 8]);
    ranges.push([at, at + length]);
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
    if (length === 4) view.setUint32(0, random.pick(interesting), random.next() < 0.5);
    else if (length === 8) bytes.fill(random.pick([0, 0xff, random.below(256)]), at, at + 8);
    else for (let i = 0; i < length; i++) bytes[at + i] = random.below(256);
  }
  return ranges;
}
