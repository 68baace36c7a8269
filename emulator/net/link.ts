/** A cable between an adapter and a network: plugged in or not, watched, counted, and as bad as one wants it. */
import type { AdapterEnd, Frame, FrameEnd, NetworkBackend } from '../backends/network.ts';
import type { LinkConditions } from '../../shared/net/linkConditions.ts';
import { completeFrames } from './packet/offload.ts';
import { Pipe } from './pipe.ts';
import type { TimerQueue } from './timerQueue.ts';

export interface LinkParts {
  readonly timers: TimerQueue;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
}

/** Sees complete frames at the adapter; the bytes are valid only during the call. */
export type FrameWatcher = (bytes: Uint8Array, fromGuest: boolean) => void;

const everything = { checksum: true, segmentation: true };
const nothing = { checksum: false, segmentation: false };

export class Link implements NetworkBackend {
  #adapter: AdapterEnd | undefined;
  #network: FrameEnd | undefined;
  #up = true;
  readonly #toGuest: Pipe;
  readonly #fromGuest: Pipe;
  /** The adapter's last frame was refused: it comes again. */
  #refused = false;
  watcher: FrameWatcher | undefined;
  readonly counters = { framesIn: 0, bytesIn: 0, framesOut: 0, bytesOut: 0, dropped: 0 };

  constructor({ timers, random }: LinkParts) {
    this.#toGuest = new Pipe({
      ...{ timers, random },
      target: {
        take: (frame) => this.#give(frame),
        ready: () => undefined,
        flush: () => this.#adapter?.flush(),
      },
      offloads: () => this.#adapter?.offloads ?? nothing,
      ready: () => this.#network?.ready(),
    });
    this.#fromGuest = new Pipe({
      ...{ timers, random },
      target: {
        take: (frame) => this.#network?.take(frame) ?? true,
        ready: () => undefined,
        flush: () => this.#network?.flush(),
      },
      offloads: () => everything,
      ready: () => this.#adapter?.ready(),
    });
  }

  /** Frames of the network go in here. */
  readonly networkEnd: FrameEnd = {
    take: (frame) => {
      if (!this.#up || this.#adapter === undefined) return true;
      return this.#toGuest.take(frame);
    },
    ready: () => this.#fromGuest.targetReady(),
    flush: () => this.#adapter?.flush(),
  };

  /** Plugs the far end into another network, or into none. */
  attach(network: FrameEnd | undefined): void {
    this.#network = network;
    this.#adapter?.ready();
  }

  setConditions(conditions: LinkConditions | undefined): void {
    const any = Object.values(conditions ?? {}).some((value) => value > 0);
    this.#toGuest.setConditions(any ? conditions : undefined);
    this.#fromGuest.setConditions(any ? conditions : undefined);
  }

  // The adapter's side

  get linkUp(): boolean {
    return this.#up;
  }

  setLinkUp(up: boolean): void {
    if (up === this.#up) return;
    this.#up = up;
    if (!up) {
      this.#toGuest.clear();
      this.#fromGuest.clear();
    }
    this.#adapter?.linkChanged(up);
    this.#adapter?.ready();
  }

  connect(adapter: AdapterEnd): void {
    this.#adapter = adapter;
  }

  take(frame: Frame): boolean {
    if (!this.#up || this.#network === undefined) {
      this.counters.dropped++;
      return true;
    }
    // Seen before what it leads to, and once, however often it is refused.
    if (this.watcher !== undefined && !this.#refused) this.#watch(frame, true);
    this.#refused = !this.#fromGuest.take(frame);
    if (this.#refused) return false;
    this.counters.framesOut++;
    this.counters.bytesOut += frame.bytes.length;
    return true;
  }

  ready(): void {
    this.#toGuest.targetReady();
  }

  flush(): void {
    this.#network?.flush();
  }

  #give(frame: Frame): boolean {
    if (!this.#up || this.#adapter === undefined) return true;
    if (!this.#adapter.take(frame)) return false;
    this.counters.framesIn++;
    this.counters.bytesIn += frame.bytes.length;
    if (this.watcher !== undefined) this.#watch(frame, false);
    return true;
  }

  #watch(frame: Frame, fromGuest: boolean): void {
    completeFrames(frame, ({ bytes }) => this.watcher?.(bytes, fromGuest));
  }

  dispose(): void {
    this.#toGuest.clear();
    this.#fromGuest.clear();
    this.#network = undefined;
  }
}
