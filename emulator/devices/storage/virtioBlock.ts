/**
 * Virtio block device (virtio 1.2 §5.2): reads, writes, flush, discard, write zeroes, ID; one queue
 * with many requests in flight. Left out: several queues, geometry, writeback switching, secure erase,
 * zoned devices.
 */
import { BlockError, type BlockBackend } from '../../backends/block.ts';
import { checkedState } from '../../bus/deviceState.ts';
import type { VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from '../virtio/virtioDevice.ts';
import type { DescriptorChain, Virtqueue } from '../virtio/virtqueue.ts';
import {
  headerSize,
  mostRangeSectors,
  mostRanges,
  readHeader,
  readRanges,
  Refused,
  requestType,
  sectorSize,
  Unsupported,
  type BlockHeader,
} from './blockRequest.ts';
import { BufferPool } from './bufferPool.ts';

/** §5.2.3 */
const feature = {
  segMax: 2n,
  readOnly: 5n,
  blockSize: 6n,
  flush: 9n,
  topology: 10n,
  discard: 13n,
  writeZeroes: 14n,
} as const;
/** §5.2.6 */
const result = { ok: 0, ioError: 1, unsupported: 2 } as const;
const idSize = 20;

const queueSize = 256;
/** A request's header and status take two descriptors. */
const mostSegments = queueSize - 2;
/** What a single request may move, and all requests in flight together. Bytes. */
const largestRequest = 64 << 20;
const mostInFlight = 128 << 20;

export interface VirtioBlockParts {
  readonly disk: BlockBackend;
  /** Up to 20 ASCII characters: /sys/block/vda/serial. */
  readonly serial: string;
  /**
   * The host cannot go on with this disk for now (no space). The request is kept and tried again by
   * resume(); the machine should pause and tell the user.
   */
  onHostFailure(error: BlockError): void;
}

export interface BlockCounters {
  reads: number;
  writes: number;
  flushes: number;
  bytesRead: number;
  bytesWritten: number;
  errors: number;
}

export class VirtioBlock implements VirtioDevice {
  readonly type = 2;
  readonly classCode = 0x010000;
  readonly features: bigint;
  readonly queueSizes = [queueSize];
  readonly config = new Uint8Array(60);
  readonly counters: BlockCounters = {
    reads: 0,
    writes: 0,
    flushes: 0,
    bytesRead: 0,
    bytesWritten: 0,
    errors: 0,
  };
  readonly #parts: VirtioBlockParts;
  #transport: VirtioTransport | undefined;
  #queue: Virtqueue | undefined;
  /** Counts resets: I/O that belongs to an earlier one must not touch the guest. */
  #epoch = 0;
  readonly #inFlight = new Set<Promise<void>>();
  #bytesInFlight = 0;
  /** A look at the queue is due when this thread has done what it does now. */
  #lookDue = false;
  readonly #buffers = new BufferPool();
  /** Heads of requests that the host failed and that resume() tries again. */
  #stalled: number[] = [];
  /** Ends the wait for flushes, which resume() does again: a disk may take long over one. */
  #leaveFlushes = newLeave();
  #leavesFlushes = false;
  /** I/O of before a reset, which new requests wait for so that they cannot overtake it. */
  #drained: Promise<unknown> | undefined;

  constructor(parts: VirtioBlockParts) {
    this.#parts = parts;
    const { disk } = parts;
    let features = 0n;
    for (const bit of [feature.segMax, feature.blockSize, feature.flush, feature.topology])
      features |= 1n << bit;
    if (disk.readOnly) features |= 1n << feature.readOnly;
    else {
      if (disk.discard !== undefined) features |= 1n << feature.discard;
      if (disk.writeZeroes !== undefined) features |= 1n << feature.writeZeroes;
    }
    this.features = features;
    // §5.2.4
    const view = new DataView(this.config.buffer);
    view.setBigUint64(0, BigInt(Math.floor(disk.size / sectorSize)), true);
    view.setUint32(12, mostSegments, true);
    view.setUint32(20, sectorSize, true);
    view.setUint8(24, 3); // eight logical blocks a physical one: 4 KiB
    view.setUint16(26, 1, true); // minimum I/O in blocks
    view.setUint8(32, 1); // writeback
    view.setUint16(34, 1, true); // queues
    view.setUint32(36, mostRangeSectors, true);
    view.setUint32(40, mostRanges, true);
    view.setUint32(44, 8, true); // alignment of discards in sectors
    view.setUint32(48, mostRangeSectors, true);
    view.setUint32(52, mostRanges, true);
    view.setUint8(56, 1); // write zeroes may unmap
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
    this.#queue = transport.queue(0);
  }

  notified(): void {
    this.#takeRequests();
  }

  #takeRequests(): void {
    const queue = this.#queue;
    if (queue === undefined || this.#transport?.driverReady !== true) return;
    while (this.#bytesInFlight < mostInFlight) {
      const chain = queue.pop();
      if (chain === undefined) break;
      this.#start(queue, chain);
    }
  }

  /**
   * When the guest waits or has had its turn: interrupts once for what has ended until then, and looks for further requests, which
   * so need no notifications.
   */
  #lookSoon(queue: Virtqueue): void {
    if (this.#lookDue) return;
    this.#lookDue = true;
    queue.looking = true;
    queueMicrotask(() => {
      this.#lookDue = false;
      queue.looking = false;
      this.#takeRequests();
      queue.signal();
    });
  }

  #start(queue: Virtqueue, chain: DescriptorChain): void {
    if (chain.readableLength < headerSize || chain.writableLength < 1) {
      this.#transport?.fail('a block request has no header or no room for its status');
      return;
    }
    const header = readHeader(queue, chain);
    if (this.#performNow(queue, chain, header)) return;
    const size = chain.readableLength + chain.writableLength;
    const epoch = this.#epoch;
    this.#bytesInFlight += size;
    const work = this.#perform(queue, chain, header).then(
      (written) => this.#complete(epoch, queue, chain, result.ok, written),
      (error: unknown) => this.#failed(epoch, queue, chain, error),
    );
    const tracked = work.finally(() => {
      this.#inFlight.delete(tracked);
      this.#bytesInFlight -= size;
      if (epoch === this.#epoch) this.#takeRequests();
    });
    this.#inFlight.add(tracked);
  }

  #complete(
    epoch: number,
    queue: Virtqueue,
    chain: DescriptorChain,
    code: number,
    written: number,
  ): void {
    if (epoch !== this.#epoch) return;
    // §5.2.6: the status is the last byte of the writable part.
    queue.writeChain(chain, Uint8Array.of(code), chain.writableLength - 1);
    queue.push(chain.head, written + 1);
    this.#lookSoon(queue);
  }

  #failed(epoch: number, queue: Virtqueue, chain: DescriptorChain, error: unknown): void {
    if (epoch !== this.#epoch) return;
    if (error instanceof Later) {
      this.#stalled.push(chain.head);
      return;
    }
    if (error instanceof BlockError && error.code === 'no-space') {
      this.#stalled.push(chain.head);
      this.#parts.onHostFailure(error);
      return;
    }
    this.counters.errors++;
    const code = error instanceof Unsupported ? result.unsupported : result.ioError;
    this.#complete(epoch, queue, chain, code, 0);
  }

  /** Reads and writes for which nothing has to be waited, between the image and guest RAM. False: not such a one. */
  #performNow(queue: Virtqueue, chain: DescriptorChain, { type, offset }: BlockHeader): boolean {
    const { disk } = this.#parts;
    if (this.#drained !== undefined) return false;
    if (type === requestType.in && disk.readNow !== undefined) {
      const length = chain.writableLength - 1;
      if (!this.#isInside(offset, length)) return false;
      const done = disk.readNow(offset, queue.writableViews(chain, length));
      // What was read before it turned out to be impossible has changed RAM too.
      queue.wroteViews(chain, length);
      if (done) {
        this.#countRead(length);
        this.#complete(this.#epoch, queue, chain, result.ok, length);
      }
      return done;
    }
    if (type !== requestType.out || disk.writeNow === undefined || disk.readOnly) return false;
    const length = chain.readableLength - headerSize;
    if (!this.#isInside(offset, length) || !this.#flushes) return false;
    const done = disk.writeNow(offset, queue.readableViews(chain, headerSize));
    if (done) {
      this.#countWrite(length);
      this.#complete(this.#epoch, queue, chain, result.ok, 0);
    }
    return done;
  }

  /** §5.2.6.1: a driver that cannot flush is promised durable writes. */
  get #flushes(): boolean {
    return this.#transport?.negotiated(feature.flush) === true;
  }

  #countRead(length: number): void {
    this.counters.reads++;
    this.counters.bytesRead += length;
  }

  #countWrite(length: number): void {
    this.counters.writes++;
    this.counters.bytesWritten += length;
  }

  /** Resolves with the bytes written to the chain before the status. */
  async #perform(
    queue: Virtqueue,
    chain: DescriptorChain,
    { type, offset }: BlockHeader,
  ): Promise<number> {
    const { disk } = this.#parts;
    switch (type) {
      case requestType.in: {
        const length = chain.writableLength - 1;
        this.#checkInside(offset, length);
        const epoch = this.#epoch;
        await this.#drained;
        return this.#buffers.lend(length, async (data) => {
          await disk.read(offset, [data]);
          if (epoch !== this.#epoch) return 0;
          this.#countRead(length);
          return queue.writeChain(chain, data);
        });
      }
      case requestType.out: {
        const length = chain.readableLength - headerSize;
        this.#checkInside(offset, length);
        this.#checkWritable();
        await this.#buffers.lend(length, async (data) => {
          queue.readChainInto(chain, data, headerSize);
          await this.#drained;
          await disk.write(offset, [data]);
        });
        this.#countWrite(length);
        if (!this.#flushes) await disk.flush();
        return 0;
      }
      case requestType.flush:
        await this.#drained;
        if (this.#leavesFlushes) throw new Later();
        await Promise.race([disk.flush(), this.#leaveFlushes.promise]);
        this.counters.flushes++;
        return 0;
      case requestType.getId: {
        const id = new Uint8Array(idSize);
        id.set(new TextEncoder().encode(this.#parts.serial).subarray(0, idSize));
        return queue.writeChain(chain, id.subarray(0, Math.min(idSize, chain.writableLength - 1)));
      }
      case requestType.discard:
        await this.#ranges(queue, chain, feature.discard, false);
        return 0;
      case requestType.writeZeroes:
        await this.#ranges(queue, chain, feature.writeZeroes, true);
        return 0;
      default:
        throw new Unsupported();
    }
  }

  /** Discard and write zeroes: up to 16 ranges (§5.2.6). */
  async #ranges(
    queue: Virtqueue,
    chain: DescriptorChain,
    needed: bigint,
    zeroes: boolean,
  ): Promise<void> {
    const { disk } = this.#parts;
    if (this.#transport?.negotiated(needed) !== true) throw new Unsupported();
    this.#checkWritable();
    const ranges = readRanges(queue, chain, zeroes, disk.size);
    await this.#drained;
    for (const range of ranges)
      await (zeroes
        ? disk.writeZeroes?.(range.offset, range.length)
        : disk.discard?.(range.offset, range.length));
  }

  #checkInside(offset: number, length: number): void {
    if (!this.#isInside(offset, length)) throw new Refused();
  }

  #isInside(offset: number, length: number): boolean {
    return (
      length % sectorSize === 0 &&
      length <= largestRequest &&
      offset + length <= Math.floor(this.#parts.disk.size / sectorSize) * sectorSize
    );
  }

  #checkWritable(): void {
    if (this.#parts.disk.readOnly) throw new Refused();
  }

  reset(): void {
    this.#epoch++;
    this.#stalled = [];
    if (this.#inFlight.size === 0) return;
    const drained = Promise.all(this.#inFlight);
    this.#drained = drained;
    void drained.then(() => {
      if (this.#drained === drained) this.#drained = undefined;
    });
  }

  async pause(soon = false): Promise<void> {
    if (soon) {
      this.#leavesFlushes = true;
      this.#leaveFlushes.reject(new Later());
    }
    while (this.#lookDue || this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }

  resume(): void {
    if (this.#leavesFlushes) this.#leaveFlushes = newLeave();
    this.#leavesFlushes = false;
    const heads = this.#stalled;
    this.#stalled = [];
    for (const head of heads) {
      const chain = this.#queue?.chainAt(head);
      if (this.#queue !== undefined && chain !== undefined) this.#start(this.#queue, chain);
    }
    this.#takeRequests();
  }

  save(): { readonly version: number; readonly data: { readonly stalled: number[] } } {
    return { version: 1, data: { stalled: [...this.#stalled] } };
  }

  load(state: VersionedState): void {
    const { stalled } = checkedState('virtio block', state, this.save());
    this.#epoch++;
    this.#stalled = [...stalled];
  }
}

/** What resume() does again. */
class Later extends Error {}

function newLeave(): PromiseWithResolvers<never> {
  const leave = Promise.withResolvers<never>();
  leave.promise.catch(() => undefined);
  return leave;
}
