/** What a driver writes into requests of a virtio block device (virtio 1.2 §5.2.6). */
import type { DescriptorChain, Virtqueue } from '../virtio/virtqueue.ts';

export const requestType = {
  in: 0,
  out: 1,
  flush: 4,
  getId: 8,
  discard: 11,
  writeZeroes: 13,
} as const;
/** Bytes. */
export const headerSize = 16;
export const sectorSize = 512;
const segmentSize = 16;
const UNMAP = 1;

/** Limits of discards and of zeroes to write, as the configuration says them. */
export const mostRangeSectors = 0x3f_ffff;
export const mostRanges = 16;

/** The driver asked for what the device does not do: VIRTIO_BLK_S_UNSUPP. */
export class Unsupported extends Error {}
/** The driver asked for what is not allowed: VIRTIO_BLK_S_IOERR. */
export class Refused extends Error {}

export interface BlockHeader {
  readonly type: number;
  /** Byte on the disk. */
  readonly offset: number;
}

/** Of a chain with at least `headerSize` readable bytes. */
export function readHeader(queue: Virtqueue, chain: DescriptorChain): BlockHeader {
  // Without a DataView, whose buffer V8 would have to allocate outside its heap for each request.
  const header = queue.readChain(chain, 0, headerSize);
  const u32 = (at: number): number =>
    (header[at]! | (header[at + 1]! << 8) | (header[at + 2]! << 16) | (header[at + 3]! << 24)) >>>
    0;
  return { type: u32(0), offset: (u32(8) + u32(12) * 0x1_0000_0000) * sectorSize };
}

/** Bytes to discard or to make zeroes. Throws Unsupported or Refused. */
export function readRanges(
  queue: Virtqueue,
  chain: DescriptorChain,
  zeroes: boolean,
  diskSize: number,
): { readonly offset: number; readonly length: number }[] {
  const length = chain.readableLength - headerSize;
  if (length === 0 || length % segmentSize !== 0 || length > mostRanges * segmentSize)
    throw new Unsupported();
  const view = new DataView(queue.readChain(chain, headerSize).buffer);
  return Array.from({ length: length / segmentSize }, (_, i) => {
    const at = i * segmentSize;
    const sector = view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
    const sectors = view.getUint32(at + 8, true);
    const flags = view.getUint32(at + 12, true);
    // §5.2.6.2: unknown flags, and unmap on a discard, are unsupported.
    if ((flags & ~UNMAP) !== 0 || (!zeroes && flags !== 0)) throw new Unsupported();
    if (sectors > mostRangeSectors) throw new Refused();
    const range = { offset: sector * sectorSize, length: sectors * sectorSize };
    if (range.offset + range.length > diskSize) throw new Refused();
    return range;
  });
}
