/** Kinds of images that the storage tests go through. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ImageFormat } from '../../../emulator/block/blockImage.ts';
import { createImage, type NewImage } from '../../../emulator/block/createImage.ts';
import type { MemoryStore } from './memoryStore.ts';
import { seal } from '../../../emulator/block/vhdx/vhdxHeader.ts';
import { regionTableSize } from '../../../emulator/block/vhdx/vhdxTables.ts';
import { qemuFormat, qemuImg } from './qemuImg.ts';
import { Random } from './random.ts';

export interface ImageCase {
  readonly name: string;
  readonly format: ImageFormat;
  /** The disk's size in bytes. */
  readonly size: number;
  readonly resizable: boolean;
  /** Whether qemu-img can read such an image. */
  readonly judged: boolean;
  /** To what the power cut tests make it grow, if they do: beyond what its tables have room for. Bytes. */
  readonly grownTo?: number;
  /** Puts the image at /image (and what it builds on beside it); returns the disk's content. */
  make(store: MemoryStore): Promise<Uint8Array>;
}

const MiB = 1 << 20;
const folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-cases-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Made by us. */
export function ours(
  name: string,
  size: number,
  options: Omit<NewImage, 'path' | 'size'>,
  resizable = true,
): ImageCase {
  return {
    ...{ name, size, resizable, format: options.format, judged: true },
    make: async (store) => {
      await createImage(store, { ...options, path: '/image', size });
      return new Uint8Array(size);
    },
  };
}

/** Made by qemu-img, with random content in a third of it. */
export function qemus(
  name: string,
  format: ImageFormat,
  size: number,
  options: readonly string[] = [],
  resizable = true,
): ImageCase {
  return {
    ...{ name, size, resizable, format, judged: true },
    make: async (store) => {
      const raw = path.join(folder, 'content.raw');
      const image = path.join(folder, 'content.image');
      const content = someContent(size, 7);
      writeFileSync(raw, content);
      rmSync(image, { force: true });
      qemuImg('convert', '-f', 'raw', '-O', qemuFormat(format), ...options, raw, image);
      store.put('/image', new Uint8Array(readFileSync(image)));
      return content;
    },
  };
}

/** Over a raw image of `backingSize` bytes. */
export function overlay(
  name: string,
  size: number,
  backingSize: number,
  options: Omit<NewImage, 'path' | 'size' | 'backing'>,
  resizable = true,
  backingFormat: ImageFormat = 'raw',
): ImageCase {
  return {
    ...{
      name,
      size,
      resizable,
      format: options.format,
      judged: ['qcow2', 'vmdk'].includes(options.format),
    },
    make: async (store) => {
      const content = someContent(backingSize, 3);
      if (backingFormat === 'raw') store.put('/base', content);
      else {
        const raw = path.join(folder, 'base.raw');
        const image = path.join(folder, 'base.image');
        writeFileSync(raw, content);
        rmSync(image, { force: true });
        const exact = backingFormat === 'vhd' ? ['-o', 'force_size=on'] : [];
        qemuImg('convert', '-f', 'raw', '-O', qemuFormat(backingFormat), ...exact, raw, image);
        store.put('/base', new Uint8Array(readFileSync(image)));
      }
      const backing = { path: '/base', format: backingFormat };
      await createImage(store, { ...options, path: '/image', size, backing });
      const whole = new Uint8Array(size);
      whole.set(content.subarray(0, size));
      return whole;
    },
  };
}

/** QEMU cannot read blocks of that size. */
const unjudged = (kind: ImageCase): ImageCase => ({ ...kind, judged: false });

/** With no room in its tables, and a size to grow to. */
export function growing(kind: ImageCase, grownTo: number): ImageCase {
  return {
    ...{ ...kind, grownTo, name: `${kind.name} that grows` },
    make: async (store) => {
      const content = await kind.make(store);
      if (kind.format === 'vdi') tightenVdi(store.bytes('/image'));
      if (kind.format === 'vhdx') tightenVhdx(store.bytes('/image'));
      return content;
    },
  };
}

/** Over an image that goes on where the disk ends, and grows beyond that one's end: nothing of it may show. */
function overLonger(
  name: string,
  size: number,
  longer: number,
  options: Omit<NewImage, 'path' | 'size' | 'backing'>,
  backingFormat: ImageFormat = options.format,
): ImageCase {
  const kind = overlay(`${name} over a longer one`, size, longer, options, true, backingFormat);
  return growing(kind, longer + 8 * 1024);
}

/** The data of an empty VDI image follows its map at once, as qemu-img makes them. */
function tightenVdi(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0x158, 512 + Math.ceil((view.getUint32(0x180, true) * 4) / 512) * 512, true);
}

/** The block table of a VHDX image ends with the disk's last block. */
function tightenVhdx(bytes: Uint8Array): void {
  for (const at of [192 << 10, 256 << 10]) {
    const table = bytes.subarray(at, at + regionTableSize);
    // The first of the regions that we write is the block table.
    new DataView(table.buffer, table.byteOffset).setUint32(16 + 24, 16, true);
    seal(table);
  }
}

/** Zeroes, with random data here and there. */
export function someContent(size: number, seed: number): Uint8Array {
  const random = new Random(seed);
  const content = new Uint8Array(size);
  for (let i = 0; i < 12; i++) {
    const at = random.below(size / 512) * 512;
    content.set(random.bytes(Math.min(size - at, 512 * (1 + random.below(400)))), at);
  }
  return content;
}

export const imageCases: readonly ImageCase[] = [
  ours('raw', 8 * MiB, { format: 'raw' }),
  ours('qcow2', 24 * MiB + 512, { format: 'qcow2' }),
  ours('qcow2 version 2, 512-byte clusters', 4 * MiB, {
    format: 'qcow2',
    qcow2: { version: 2, clusterSize: 512 },
  }),
  ours('qcow2 with subclusters', 16 * MiB + 1536, { format: 'qcow2', qcow2: { extendedL2: true } }),
  overlay('qcow2 over raw', 12 * MiB, 9 * MiB + 512, {
    format: 'qcow2',
    qcow2: { clusterSize: 4096 },
  }),
  overlay('qcow2 with subclusters over raw', 12 * MiB, 9 * MiB + 512, {
    format: 'qcow2',
    qcow2: { extendedL2: true },
  }),
  overlay('qcow2 version 2 over raw', 12 * MiB, 16 * MiB, {
    format: 'qcow2',
    qcow2: { version: 2 },
  }),
  qemus('qcow2 of qemu-img, compressed by zlib', 'qcow2', 8 * MiB, ['-c']),
  qemus('qcow2 of qemu-img, compressed by zstd', 'qcow2', 8 * MiB, [
    ...['-c', '-o', 'compression_type=zstd,cluster_size=8192'],
  ]),
  qemus('qcow2 of qemu-img, 1-bit counts', 'qcow2', 8 * MiB, [
    ...['-o', 'refcount_bits=1,cluster_size=1024,preallocation=metadata'],
  ]),
  qemus('qcow2 of qemu-img, 64-bit counts', 'qcow2', 8 * MiB, [
    ...['-o', 'refcount_bits=64,lazy_refcounts=on'],
  ]),
  ours('vdi', 24 * MiB + 512, { format: 'vdi' }),
  ours('vdi of fixed size', 8 * MiB, { format: 'vdi', fixed: true }),
  overlay('vdi that differs from another', 12 * MiB, 9 * MiB, { format: 'vdi' }, true, 'vdi'),
  qemus('vdi of qemu-img', 'vdi', 24 * MiB),
  ours('vhd', 24 * MiB + 512, { format: 'vhd' }),
  ours('vhd of fixed size', 8 * MiB, { format: 'vhd', fixed: true }),
  overlay('vhd that differs from another', 12 * MiB, 12 * MiB, { format: 'vhd' }, true, 'vhd'),
  qemus('vhd of qemu-img', 'vhd', 24 * MiB, ['-o', 'force_size=on']),
  ours('vhdx', 24 * MiB, { format: 'vhdx', blockSize: MiB }),
  ours('vhdx of fixed size', 8 * MiB, { format: 'vhdx', fixed: true }),
  overlay('vhdx that differs from another', 12 * MiB, 12 * MiB, { format: 'vhdx' }, true, 'vhdx'),
  qemus('vhdx of qemu-img', 'vhdx', 24 * MiB, ['-o', 'block_size=2M']),
  ours('vmdk', 24 * MiB, { format: 'vmdk' }),
  ours('vmdk of fixed size', 8 * MiB, { format: 'vmdk', fixed: true }, false),
  overlay('vmdk that is linked to another', 12 * MiB, 12 * MiB, { format: 'vmdk' }, true, 'vmdk'),
  qemus('vmdk of qemu-img', 'vmdk', 24 * MiB),
  qemus('vmdk of qemu-img with zero grains', 'vmdk', 24 * MiB, ['-o', 'zeroed_grain=on']),
];

/** Small ones, with small clusters where that can be, so that every step of a writer is cut. */
export const smallCases: readonly ImageCase[] = [
  ours('raw', MiB, { format: 'raw' }),
  ours('qcow2', MiB, { format: 'qcow2', qcow2: { clusterSize: 4096 } }),
  ours('qcow2 that needs more counts', MiB, {
    format: 'qcow2',
    qcow2: { clusterSize: 512, version: 2 },
  }),
  overlay('qcow2 over raw', MiB, MiB - 8192, { format: 'qcow2', qcow2: { clusterSize: 4096 } }),
  overlay('qcow2 with subclusters over raw', 2 * MiB, MiB, {
    format: 'qcow2',
    qcow2: { clusterSize: 65536, extendedL2: true },
  }),
  qemus('qcow2 of qemu-img, compressed', 'qcow2', MiB, ['-c', '-o', 'cluster_size=4096']),
  unjudged(ours('vdi', MiB, { format: 'vdi', blockSize: 8192 })),
  overlay('vdi over another', MiB, MiB, { format: 'vdi', blockSize: 8192 }, true, 'vdi'),
  ours('vhd', MiB, { format: 'vhd', blockSize: 8192 }),
  overlay('vhd over another', MiB, MiB, { format: 'vhd', blockSize: 8192 }, true, 'vhd'),
  ours('vhdx', MiB + 262_144, { format: 'vhdx', blockSize: MiB }),
  ours('vmdk', MiB, { format: 'vmdk', blockSize: 4096 }),
  overlay('vmdk linked to another', MiB, MiB, { format: 'vmdk', blockSize: 4096 }, true, 'vmdk'),
];

const KiB = 1024;

/** As small as each format can be, so that every cut of a writer can be tried. */
export const tinyCases: readonly ImageCase[] = [
  ours('raw', 64 * KiB, { format: 'raw' }),
  ours('qcow2', 96 * KiB, { format: 'qcow2', qcow2: { clusterSize: 512 } }),
  ours('qcow2 version 2', 96 * KiB, {
    format: 'qcow2',
    qcow2: { clusterSize: 512, version: 2 },
  }),
  ours('qcow2 with lazy counts', 64 * KiB, {
    format: 'qcow2',
    qcow2: { clusterSize: 512, lazyRefcounts: true },
  }),
  growing(ours('qcow2', 96 * KiB, { format: 'qcow2', qcow2: { clusterSize: 512 } }), 3 * MiB),
  overlay('qcow2 over raw', 96 * KiB, 64 * KiB, { format: 'qcow2', qcow2: { clusterSize: 1024 } }),
  overlay('qcow2 with subclusters over raw', 128 * KiB, 64 * KiB, {
    format: 'qcow2',
    qcow2: { clusterSize: 16 * KiB, extendedL2: true },
  }),
  overLonger(
    'qcow2',
    64 * KiB + 512,
    88 * KiB,
    { format: 'qcow2', qcow2: { clusterSize: 1024 } },
    'raw',
  ),
  overLonger(
    'qcow2 version 2',
    64 * KiB,
    88 * KiB,
    { format: 'qcow2', qcow2: { clusterSize: 2048, version: 2 } },
    'raw',
  ),
  overLonger(
    'qcow2 with subclusters',
    72 * KiB,
    96 * KiB,
    { format: 'qcow2', qcow2: { clusterSize: 16 * KiB, extendedL2: true } },
    'raw',
  ),
  qemus('qcow2 of qemu-img, compressed', 'qcow2', 64 * KiB, ['-c', '-o', 'cluster_size=4096']),
  unjudged(ours('vdi', 64 * KiB, { format: 'vdi', blockSize: 4096 })),
  overlay('vdi over another', 64 * KiB, 64 * KiB, { format: 'vdi', blockSize: 4096 }, true, 'vdi'),
  overLonger('vdi', 64 * KiB, 88 * KiB, { format: 'vdi', blockSize: 4096 }),
  growing(unjudged(ours('vdi', 64 * KiB, { format: 'vdi', blockSize: 4096 })), 768 * KiB),
  ours('vhd', 64 * KiB, { format: 'vhd', blockSize: 4096 }),
  overlay('vhd over another', 64 * KiB, 64 * KiB, { format: 'vhd', blockSize: 4096 }, true, 'vhd'),
  overLonger('vhd', 64 * KiB, 88 * KiB, { format: 'vhd', blockSize: 4096 }),
  growing(ours('vhd', 64 * KiB, { format: 'vhd', blockSize: 4096 }), 768 * KiB),
  ours('vhdx', MiB + 64 * KiB, { format: 'vhdx', blockSize: MiB }),
  growing(ours('vhdx', MiB + 64 * KiB, { format: 'vhdx', blockSize: MiB }), 3 * MiB),
  overLonger('vhdx', MiB, MiB + 96 * KiB, { format: 'vhdx', blockSize: MiB }),
  ours('vmdk', 64 * KiB, { format: 'vmdk', blockSize: 4096 }),
  overLonger('vmdk', 64 * KiB, 88 * KiB, { format: 'vmdk', blockSize: 4096 }),
  growing(ours('vmdk', 64 * KiB, { format: 'vmdk', blockSize: 4096 }), 2 * MiB + 64 * KiB),
  overlay(
    'vmdk linked to another',
    64 * KiB,
    64 * KiB,
    { format: 'vmdk', blockSize: 4096 },
    true,
    'vmdk',
  ),
];
