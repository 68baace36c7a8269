/**
 * Traditional virtio memory balloon (virtio 1.2 §5.5) with statistics. The machine's RAM is one block
 * sized for good, so an inflated page is not given back to the host; the guest gives up its use, and the
 * counts are there for the user. Left out: free page hinting and reporting, page poison.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from './virtioDevice.ts';
import type { DescriptorChain } from './virtqueue.ts';

/** §5.5.3 */
const feature = { mustTellHost: 0n, statistics: 1n, deflateOnOutOfMemory: 2n } as const;
/** §5.5.2 */
const queueIndex = { inflate: 0, deflate: 1, statistics: 2 } as const;
/** §5.5.6: pages are always 4 KiB here. */
const pageSize = 4096;

/** §5.5.6.3, by tag. */
const statisticNames = [
  'swapIn',
  'swapOut',
  'majorFaults',
  'minorFaults',
  'freeMemory',
  'totalMemory',
  'availableMemory',
  'diskCaches',
  'hugePageAllocations',
  'hugePageFailures',
] as const;
export type BalloonStatistics = Partial<Record<(typeof statisticNames)[number], number>>;

interface SavedState {
  target: number;
  actual: number;
  inflated: number;
  statisticsHead: number;
}

export class VirtioBalloon implements VirtioDevice {
  readonly type = 5;
  readonly classCode = 0x00ff00;
  readonly features = (1n << feature.statistics) | (1n << feature.deflateOnOutOfMemory);
  readonly queueSizes = [128, 128, 16];
  /** num_pages and actual (§5.5.4). */
  readonly config = new Uint8Array(8);
  readonly #view = new DataView(this.config.buffer);
  #transport: VirtioTransport | undefined;
  /** Pages the guest has given up, as it told through the queues. */
  #inflated = 0;
  #statistics: BalloonStatistics = {};
  /** Head of the driver's buffer that is handed back to ask for new statistics; -1 for none. */
  #statisticsHead = -1;

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  /** Asks the guest to give up that much memory, in bytes. It may take its time, or not do it. */
  setTarget(bytes: number): void {
    this.#view.setUint32(0, Math.floor(bytes / pageSize), true);
    this.#transport?.configChanged();
  }

  /** Bytes that the guest says it has given up. */
  get actual(): number {
    return this.#view.getUint32(4, true) * pageSize;
  }

  /** Bytes in pages that went through the queues. */
  get inflated(): number {
    return this.#inflated * pageSize;
  }

  /** The guest's latest figures, in bytes or events; asks for new ones (§5.5.6.3). */
  statistics(): BalloonStatistics {
    const transport = this.#transport;
    if (this.#statisticsHead >= 0 && transport?.driverReady === true) {
      const queue = transport.queue(queueIndex.statistics);
      queue.push(this.#statisticsHead, 0);
      this.#statisticsHead = -1;
      queue.signal();
    }
    return this.#statistics;
  }

  /** The driver writes `actual` only. */
  configWritten(offset: number, width: number, value: number): void {
    if (offset < 4 || offset + width > 8) return;
    for (let i = 0; i < width; i++) this.config[offset + i] = (value >>> (8 * i)) & 0xff;
  }

  notified(index: number): void {
    const queue = this.#transport?.queue(index);
    if (queue === undefined) return;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      if (index === queueIndex.statistics) {
        this.#takeStatistics(chain);
      } else {
        const pages = Math.floor(chain.readableLength / 4);
        this.#inflated = Math.max(
          0,
          this.#inflated + (index === queueIndex.inflate ? pages : -pages),
        );
        queue.push(chain.head, 0);
      }
    }
    queue.signal();
  }

  /** struct virtio_balloon_stat: tag u16, value u64, packed. The buffer is kept. */
  #takeStatistics(chain: DescriptorChain): void {
    const queue = this.#transport?.queue(queueIndex.statistics);
    if (queue === undefined) return;
    if (this.#statisticsHead >= 0) queue.push(this.#statisticsHead, 0);
    const bytes = queue.readChain(chain, 0, 1024);
    const view = new DataView(bytes.buffer);
    const statistics: BalloonStatistics = {};
    for (let at = 0; at + 10 <= bytes.length; at += 10) {
      const name = statisticNames[view.getUint16(at, true)];
      if (name !== undefined) statistics[name] = Number(view.getBigUint64(at + 2, true));
    }
    this.#statistics = statistics;
    this.#statisticsHead = chain.head;
  }

  reset(): void {
    // The target is the user's wish and outlives the guest.
    this.#view.setUint32(4, 0, true);
    this.#inflated = 0;
    this.#statistics = {};
    this.#statisticsHead = -1;
  }

  save(): { readonly version: number; readonly data: SavedState } {
    return {
      version: 1,
      data: {
        target: this.#view.getUint32(0, true),
        actual: this.#view.getUint32(4, true),
        inflated: this.#inflated,
        statisticsHead: this.#statisticsHead,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('virtio balloon', state, this.save());
    this.#view.setUint32(0, data.target, true);
    this.#view.setUint32(4, data.actual, true);
    this.#inflated = data.inflated;
    this.#statistics = {};
    this.#statisticsHead = data.statisticsHead;
  }
}
