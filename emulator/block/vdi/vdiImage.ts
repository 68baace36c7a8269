/**
 * VirtualBox disk images (VDI 1.1): dynamic, fixed and differencing. A differencing image names its parent by UUID; it is
 * looked for in the same folder.
 */
import { BlockError } from '../../backends/block.ts';
import { ABSENT, AppendingMap, runsOf, ZERO, type TakenChanges } from '../appendingMap.ts';
import type { BlockImage, ImageCheck, ImageInfo } from '../blockImage.ts';
import { CheckReport } from '../checkReport.ts';
import type { ImageFile } from '../imageFile.ts';
import { MappedImage } from '../mappedImage.ts';
import {
  field,
  headerBytes,
  mostMapBytes,
  readVdiHeader,
  UNALLOCATED,
  ZEROED,
  type VdiHeader,
} from './vdiHeader.ts';

class VdiMap extends AppendingMap {
  readonly unitSize: number;
  readonly knowsZero = true;
  #header: VdiHeader;
  /** Indices of blocks in the data area, or UNALLOCATED or ZEROED; as long as there is room in the file. */
  #map: Uint32Array;
  readonly #dirty = new Set<number>();
  /** The number of blocks in the header. */
  #allocated: number;

  private constructor(file: ImageFile, header: VdiHeader, map: Uint32Array, used: number) {
    const { size, blockSize, dataOffset } = header;
    super({
      ...{ file, size, blockSize, stride: blockSize },
      end: dataOffset + used * blockSize,
      hasBacking: header.variant === 'differencing',
    });
    this.unitSize = blockSize;
    this.#header = header;
    this.#map = map;
    this.#allocated = header.allocated;
  }

  static async open(file: ImageFile, header: VdiHeader): Promise<VdiMap> {
    // The map has room up to the data, for disks that grow.
    const room = Math.min(header.dataOffset - header.mapOffset, mostMapBytes) >> 2;
    const bytes = new Uint8Array(room * 4);
    await file.read(header.mapOffset, [bytes.subarray(0, header.blocks * 4)]);
    const view = new DataView(bytes.buffer);
    const map = new Uint32Array(room).fill(UNALLOCATED);
    let used = 0;
    for (let i = 0; i < header.blocks; i++) {
      const index = view.getUint32(i * 4, true);
      map[i] = index;
      if (index < ZEROED) used = Math.max(used, index + 1);
    }
    const { dataOffset, blockSize } = header;
    const there = Math.ceil((file.size - dataOffset) / blockSize);
    const result = new VdiMap(file, header, map, Math.max(0, Math.min(used, there)));
    result.#findGaps(Math.max(0, Math.min(used, there)));
    return result;
  }

  /** Blocks that a writer had no time to name are used again. */
  #findGaps(used: number): void {
    const named = new Uint8Array(used);
    for (const index of this.#map.subarray(0, this.#header.blocks))
      if (index < used) named[index] = 1;
    for (let index = used - 1; index >= 0; index--)
      if (named[index] === 0) this.free.push(this.#offsetOf(index));
  }

  #offsetOf(index: number): number {
    return this.#header.dataOffset + index * this.clusterSize;
  }

  protected entry(block: number): number {
    const index = this.#map[block] ?? UNALLOCATED;
    if (index === UNALLOCATED) return ABSENT;
    if (index === ZEROED) return ZERO;
    const at = this.#offsetOf(index);
    if (at >= this.end)
      throw new BlockError(
        'corrupt',
        `The VDI image ${this.file.path} is damaged: block ${block} lies behind its end.`,
      );
    return at;
  }

  protected setEntry(block: number, at: number): void {
    this.#map[block] =
      at === ABSENT
        ? UNALLOCATED
        : at === ZERO
          ? ZEROED
          : (at - this.#header.dataOffset) / this.clusterSize;
    this.#dirty.add(block);
  }

  #blocksUsed(): number {
    let count = 0;
    const blocks = Math.ceil(this.size / this.clusterSize);
    for (let i = 0; i < blocks; i++) if ((this.#map[i] as number) < ZEROED) count++;
    return count;
  }

  protected takeChanges(): TakenChanges {
    const used = (this.end - this.#header.dataOffset) / this.clusterSize;
    const runs = runsOf(this.#dirty).map(({ first, count }) => {
      const bytes = new Uint8Array(count * 4);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < count; i++) view.setUint32(i * 4, this.#map[first + i] as number, true);
      return { first, count, bytes };
    });
    this.#dirty.clear();
    return {
      writeEntries: async () => {
        if (runs.length === 0) return;
        // Other programs put their next block behind that many, so the number comes first.
        if (used !== this.#allocated) await this.#writeAllocated(used);
        for (const { first, bytes } of runs)
          await this.file.write(this.#header.mapOffset + first * 4, [bytes]);
        await this.file.flush();
      },
      putBack: () => {
        for (const { first, count } of runs)
          for (let i = 0; i < count; i++) this.#dirty.add(first + i);
      },
    };
  }

  async #writeAllocated(count: number): Promise<void> {
    await this.#writeHeader((view) => view.setUint32(field.allocated, count, true));
    this.#allocated = count;
  }

  /** Changes fields of the header, all at once: it is one sector. */
  async #writeHeader(change: (view: DataView) => void): Promise<void> {
    const bytes = new Uint8Array(headerBytes);
    await this.file.read(0, [bytes]);
    change(new DataView(bytes.buffer));
    await this.file.write(0, [bytes]);
    await this.file.flush();
  }

  async resize(size: number, hide: () => Promise<void>): Promise<void> {
    const longer = size > this.size;
    const blocks = Math.ceil(size / this.clusterSize);
    const before = Math.ceil(this.size / this.clusterSize);
    if (blocks * 4 > mostMapBytes)
      throw new BlockError(
        'unsupported',
        `The VDI image ${this.file.path} cannot have a disk of ${size} bytes in blocks of ${this.clusterSize}; convert it to another image.`,
      );
    await this.releaseFrom(blocks);
    if (blocks > this.#map.length) await this.#moveMap(blocks);
    for (let block = before; block < blocks; block++) {
      if (this.#header.variant !== 'fixed') this.#dirty.add(block);
      else {
        this.setEntry(block, this.end);
        this.end += this.clusterSize;
      }
    }
    if (this.#header.variant === 'fixed' && this.file.size < this.end)
      await this.file.resize(this.end);
    // Entries of new blocks are written before they count.
    await this.flush();
    this.size = size;
    if (longer) await hide();
    await this.#writeHeader((view) => {
      view.setBigUint64(field.diskSize, BigInt(size), true);
      view.setUint32(field.blocks, blocks, true);
    });
    this.#header = { ...this.#header, blocks };
  }

  /**
   * Room for a longer map. It must lie in front of the data (VirtualBox refuses it elsewhere), so the first blocks give way to
   * it. The old map counts until the header names the new one, with the new start of the data, in one sector.
   */
  async #moveMap(blocks: number): Promise<void> {
    const { mapOffset, dataOffset, blocks: old } = this.#header;
    const bytesFor = (count: number): number => Math.ceil((count * 4) / 512) * 512;
    const behind = mapOffset + bytesFor(old);
    const moved = headerBytes + bytesFor(blocks) <= mapOffset ? headerBytes : behind;
    const room = moved + bytesFor(blocks) - dataOffset;
    const displaced = Math.max(0, Math.ceil(room / this.clusterSize));
    const start = dataOffset + displaced * this.clusterSize;
    await this.#vacate(start);
    const map = new Uint32Array((start - moved) >> 2).fill(UNALLOCATED);
    const bytes = new Uint8Array(bytesFor(old));
    const view = new DataView(bytes.buffer);
    for (let block = 0; block < old; block++) {
      const index = this.#map[block] as number;
      map[block] = index < ZEROED ? index - displaced : index;
      view.setUint32(block * 4, map[block] as number, true);
    }
    if (this.file.size < start) await this.file.resize(start);
    await this.file.write(moved, [bytes]);
    await this.file.flush();
    const allocated = (this.end - start) / this.clusterSize;
    await this.#writeHeader((header) => {
      header.setUint32(field.mapOffset, moved, true);
      header.setUint32(field.dataOffset, start, true);
      header.setUint32(field.allocated, allocated, true);
    });
    this.#header = { ...this.#header, mapOffset: moved, dataOffset: start };
    this.#map = map;
    this.#allocated = allocated;
  }

  /** Moves all blocks in front of an offset behind it; durable when it resolves. */
  async #vacate(start: number): Promise<void> {
    const free = this.free.filter((at) => at >= start);
    this.free.splice(0, this.free.length, ...free);
    this.end = Math.max(this.end, start);
    const content = new Uint8Array(this.clusterSize);
    for (let block = 0; block < this.#header.blocks; block++) {
      const at = this.entry(block);
      if (at === ABSENT || at === ZERO || at >= start) continue;
      await this.file.read(at, [content]);
      const place = this.free.pop() ?? this.end;
      if (place === this.end) this.end += this.clusterSize;
      await this.file.write(place, [content]);
      this.setEntry(block, place);
    }
    await this.flush();
  }

  async info(): Promise<ImageInfo> {
    const { variant, uuid, parentUuid } = this.#header;
    return {
      ...{ format: 'vdi', variant, path: this.file.path, size: this.size, snapshots: [] },
      allocated: await this.file.allocated(),
      clusterSize: this.clusterSize,
      ...(variant === 'differencing' ? { backing: { name: `uuid:${parentUuid}` } } : {}),
      details: { uuid, blocks: this.#blocksUsed() },
    };
  }

  async check(): Promise<ImageCheck> {
    const report = new CheckReport();
    const used = (this.end - this.#header.dataOffset) / this.clusterSize;
    const named = new Uint8Array(used);
    for (let block = 0; block < Math.ceil(this.size / this.clusterSize); block++) {
      const index = this.#map[block] as number;
      if (index >= ZEROED) continue;
      if (index >= used) report.error(`block ${block} lies behind the end of the file`);
      else if (named[index] === 1) report.error(`block ${block} lies where another one does`);
      else named[index] = 1;
    }
    report.leakedBytes = named.filter((count) => count === 0).length * this.clusterSize;
    return report.result();
  }

  override async close(): Promise<void> {
    await this.flush();
    await this.#fillGaps();
    const used = (this.end - this.#header.dataOffset) / this.clusterSize;
    if (this.#allocated !== used) await this.#writeAllocated(used);
    if (this.file.size > this.end) await this.file.resize(this.end);
    await super.close();
  }

  /** Other programs expect no gaps: the last blocks move there. */
  async #fillGaps(): Promise<void> {
    const holder = new Map<number, number>();
    if (this.free.length === 0) return;
    for (let block = 0; block < Math.ceil(this.size / this.clusterSize); block++) {
      const at = this.entry(block);
      if (at > 0) holder.set(at, block);
    }
    for (;;) {
      const last = this.end - this.clusterSize;
      this.free.sort((a, b) => b - a);
      if (this.free[0] === last) {
        this.free.shift();
        this.end = last;
        continue;
      }
      const gap = this.free.pop();
      if (gap === undefined) break;
      const block = holder.get(last) as number;
      const content = new Uint8Array(this.clusterSize);
      await this.file.read(last, [content]);
      await this.file.write(gap, [content]);
      await this.file.flush();
      this.setEntry(block, gap);
      await this.flush();
      this.end = last;
    }
  }
}

export interface OpenVdi {
  readonly file: ImageFile;
  readonly readOnly: boolean;
  /** The image with that UUID (32 hexadecimal digits). */
  openParent(uuid: string): Promise<BlockImage | undefined>;
}

export async function openVdi({ file, readOnly, openParent }: OpenVdi): Promise<BlockImage> {
  const header = await readVdiHeader(file);
  const map = await VdiMap.open(file, header);
  const backing =
    header.variant === 'differencing' ? await openParent(header.parentUuid) : undefined;
  return new MappedImage({ format: 'vdi', map, file, readOnly, backing });
}
