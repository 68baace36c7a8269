/**
 * Virtio network device (virtio 1.2 §5.1): mergeable receive buffers, checksum and TCP segmentation
 * offload both ways, control queue, link status, several pairs of queues. Left out: UFO, RSC, RSS, guest
 * announce, filters in the device (it is promiscuous: a cable has one peer).
 */
import type { AdapterEnd, Frame, NetworkBackend } from '../../backends/network.ts';
import { checkedState } from '../../bus/deviceState.ts';
import { StateError, type VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from '../virtio/virtioDevice.ts';
import type { DescriptorChain, Virtqueue } from '../virtio/virtqueue.ts';
import { FlowSteering } from './flowSteering.ts';

/** §5.1.3 */
const feature = {
  checksum: 0n,
  guestChecksum: 1n,
  mtu: 3n,
  mac: 5n,
  guestTso4: 7n,
  guestTso6: 8n,
  hostTso4: 11n,
  hostTso6: 12n,
  mergeableBuffers: 15n,
  status: 16n,
  controlQueue: 17n,
  controlRx: 18n,
} as const;
/** §5.1.3, offered with more than one pair. */
const multiqueue = 22n;
/** §5.1.2: a pair is a queue to receive and one to transmit; the control queue comes last. */
const receiveQueue = (pair: number): number => 2 * pair;
const transmitQueue = (pair: number): number => 2 * pair + 1;
/** §5.1.6: struct virtio_net_hdr of a modern device. */
const headerSize = 12;
const headerFlag = { needsChecksum: 1, dataValid: 2 } as const;
const gso = { none: 0, tcp4: 1, tcp6: 4, ecn: 0x80 } as const;
/** §5.1.4 */
const config = { mac: 0, status: 6, pairs: 8, mtu: 10, size: 12 } as const;
const statusLinkUp = 1;
/** §5.1.6.5 */
const control = { rx: 0, multiqueue: 4, ok: 0, error: 1 } as const;
const setPairs = 0;
const longestFrame = 0x1_0000 + 64;
const ethernetIpv6 = 0x86dd;

export interface VirtioNetParts {
  readonly network: NetworkBackend;
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** Pairs of queues, 1 to 8: as many as the guest has CPUs. 1 by default. */
  readonly pairs?: number;
}

class GuestFrame implements Frame {
  bytes: Uint8Array = new Uint8Array(0);
  checksumStart = 0;
  checksumOffset = 0;
  segmentSize = 0;
}

export class VirtioNet implements VirtioDevice, AdapterEnd {
  readonly type = 1;
  readonly classCode = 0x020000;
  readonly features: bigint;
  readonly queueSizes: readonly number[];
  readonly config = new Uint8Array(config.size);
  readonly #network: NetworkBackend;
  #transport: VirtioTransport | undefined;
  readonly #buffer = new Uint8Array(headerSize + longestFrame);
  readonly #view = new DataView(this.#buffer.buffer);
  readonly #frame = new GuestFrame();
  readonly #receiving: DescriptorChain[] = [];
  readonly #receiveHeader = new Uint8Array(headerSize);
  readonly #receiveView = new DataView(this.#receiveHeader.buffer);
  /** Pairs with something to send, in order: a frame that is refused is the next one that is sent. */
  readonly #due = new Set<number>();
  /** The network had no room; ready() follows. */
  #stalled = false;
  #sending = false;
  readonly #pairs: number;
  /** Pairs that the driver receives with. */
  #activePairs = 1;
  readonly #steering = new FlowSteering();
  offloads = { checksum: false, segmentation: false };

  constructor({ network, mac, pairs = 1 }: VirtioNetParts) {
    this.#network = network;
    this.#pairs = pairs;
    const offered = [...Object.values<bigint>(feature), ...(pairs > 1 ? [multiqueue] : [])];
    this.features = offered.reduce((all, bit) => all | (1n << bit), 0n);
    this.queueSizes = [...Array<number>(2 * pairs).fill(256), 64];
    this.config.set(mac, config.mac);
    const view = new DataView(this.config.buffer);
    view.setUint16(config.status, network.linkUp ? statusLinkUp : 0, true);
    view.setUint16(config.pairs, pairs, true);
    view.setUint16(config.mtu, 1500, true);
    network.connect(this);
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  activate(): void {
    const has = (bit: bigint): boolean => this.#transport?.negotiated(bit) === true;
    this.offloads = {
      checksum: has(feature.guestChecksum),
      segmentation: has(feature.guestTso4) && has(feature.guestTso6),
    };
  }

  linkChanged(up: boolean): void {
    new DataView(this.config.buffer).setUint16(config.status, up ? statusLinkUp : 0, true);
    this.#transport?.configChanged();
  }

  notified(index: number): void {
    if (index === this.#controlQueue) this.#control();
    else if (index % 2 === 0) this.#network.ready();
    else {
      this.#due.add(index >> 1);
      this.#transmit();
    }
  }

  /** §5.1.2: behind all pairs for drivers that know of several, behind the first for others. */
  get #controlQueue(): number {
    return this.#transport?.negotiated(multiqueue) === true ? 2 * this.#pairs : 2;
  }

  // Guest to network

  #transmit(): void {
    const transport = this.#transport;
    if (transport?.driverReady !== true || this.#sending) return;
    this.#sending = true;
    this.#stalled = false;
    for (const pair of this.#due) {
      this.#sendQueue(transport.queue(transmitQueue(pair)), pair);
      if (this.#stalled) break;
      this.#due.delete(pair);
    }
    this.#sending = false;
    this.#network.flush();
  }

  #sendQueue(ring: Virtqueue, pair: number): void {
    for (let chain = ring.pop(); chain !== undefined; chain = ring.pop()) {
      if (!this.#sendChain(ring, chain, pair)) {
        ring.unpop(1);
        this.#stalled = true;
        break;
      }
      ring.push(chain.head, 0);
    }
    ring.signal();
  }

  /** False if the network has no room. Frames that make no sense are dropped. */
  #sendChain(ring: Virtqueue, chain: DescriptorChain, pair: number): boolean {
    const length = chain.readableLength;
    if (length < headerSize + 14 || length > this.#buffer.length) return true;
    ring.readChainInto(chain, this.#buffer);
    const view = this.#view;
    const flags = view.getUint8(0);
    const kind = view.getUint8(1) & ~gso.ecn;
    const frame = this.#frame;
    frame.bytes = this.#buffer.subarray(headerSize, length);
    frame.checksumStart = frame.checksumOffset = frame.segmentSize = 0;
    if ((flags & headerFlag.needsChecksum) !== 0) {
      frame.checksumStart = view.getUint16(6, true);
      frame.checksumOffset = view.getUint16(8, true);
      // Fields that point outside of the frame are the driver's mistake.
      if (
        frame.checksumStart < 14 ||
        frame.checksumStart + frame.checksumOffset + 2 > frame.bytes.length
      )
        return true;
    }
    if (kind === gso.tcp4 || kind === gso.tcp6) {
      frame.segmentSize = view.getUint16(4, true);
      if (frame.segmentSize === 0 || frame.checksumStart === 0) return true;
    } else if (kind !== gso.none) return true;
    if (this.#activePairs > 1) this.#steering.note(frame.bytes, pair);
    return this.#network.take(frame);
  }

  /** The network takes frames again. */
  ready(): void {
    if (this.#stalled) this.#transmit();
  }

  // Network to guest

  take(frame: Frame): boolean {
    const transport = this.#transport;
    // Without a driver the cable leads nowhere.
    if (transport?.driverReady !== true) return true;
    const pair = this.#activePairs > 1 ? this.#steering.pairOf(frame.bytes) : 0;
    const ring = transport.queue(receiveQueue(pair % this.#activePairs));
    if (!ring.enabled) return true;
    const total = headerSize + frame.bytes.length;
    const chains = this.#receiving;
    chains.length = 0;
    let room = 0;
    const mergeable = transport.negotiated(feature.mergeableBuffers);
    while (room < total) {
      const chain = ring.pop();
      if (chain === undefined) {
        // Not enough: they go back as if they had not been taken.
        ring.unpop(chains.length);
        return !transport.driverReady;
      }
      chains.push(chain);
      room += chain.writableLength;
      if (!mergeable) break;
    }
    if (room < total) {
      // A driver that gives buffers smaller than a frame loses it (§5.1.6.3.1 forbids them).
      for (const { head } of chains) ring.push(head, 0);
      ring.signal();
      return true;
    }
    this.#writeHeader(frame, chains.length);
    let done = -headerSize;
    chains.forEach((chain, index) => {
      let written = 0;
      if (index === 0) {
        written = ring.writeChain(chain, this.#receiveHeader);
        done += written;
      }
      if (done >= 0) {
        const part = frame.bytes.subarray(done, done + chain.writableLength - written);
        const count = ring.writeChain(chain, part, written);
        done += count;
        written += count;
      }
      ring.push(chain.head, written);
    });
    ring.signal();
    return true;
  }

  #writeHeader(frame: Frame, buffers: number): void {
    const view = this.#receiveView;
    this.#receiveHeader.fill(0);
    if (frame.checksumStart > 0) {
      view.setUint8(0, headerFlag.needsChecksum);
      view.setUint16(6, frame.checksumStart, true);
      view.setUint16(8, frame.checksumOffset, true);
    }
    if (frame.segmentSize > 0) {
      const { bytes } = frame;
      const v6 = ((bytes[12] ?? 0) << 8) + (bytes[13] ?? 0) === ethernetIpv6;
      view.setUint8(1, v6 ? gso.tcp6 : gso.tcp4);
      const tcp = frame.checksumStart;
      view.setUint16(2, tcp + ((bytes[tcp + 12] ?? 0) >> 4) * 4, true);
      view.setUint16(4, frame.segmentSize, true);
    }
    view.setUint16(10, buffers, true);
  }

  /** The network has no more for now. */
  flush(): void {}

  // Control queue, §5.1.6.5: class, command, data; one byte back

  #control(): void {
    const transport = this.#transport;
    if (transport === undefined) return;
    const ring = transport.queue(this.#controlQueue);
    for (let chain = ring.pop(); chain !== undefined; chain = ring.pop()) {
      const done = this.#command(ring.readChain(chain, 0, 8)) ? control.ok : control.error;
      ring.push(chain.head, ring.writeChain(chain, Uint8Array.of(done)));
    }
    ring.signal();
  }

  #command([kind, command = 0, low = 0, high = 0]: Uint8Array): boolean {
    // Modes of reception change nothing on a cable with one peer.
    if (kind === control.rx) return command <= 1;
    if (kind !== control.multiqueue || command !== setPairs) return false;
    const pairs = low + 256 * high;
    const known = this.#transport?.negotiated(multiqueue) === true;
    if (!known || pairs < 1 || pairs > this.#pairs) return false;
    this.#activePairs = pairs;
    return true;
  }

  // Device

  reset(): void {
    this.#due.clear();
    this.#stalled = false;
    this.#activePairs = 1;
    this.#steering.pairs.fill(0);
    this.offloads = { checksum: false, segmentation: false };
  }

  resume(): void {
    // After a snapshot or a pause both sides look again.
    if (this.#transport?.driverReady !== true) return;
    for (let pair = 0; pair < this.#pairs; pair++) this.#due.add(pair);
    this.#transmit();
    this.#network.ready();
  }

  dispose(): void {
    this.#network.dispose?.();
  }

  save() {
    const pairs = { activePairs: this.#activePairs, steering: this.#steering.pairs.slice() };
    return { version: 2, data: pairs };
  }

  /** The cable is that of the host now, whatever it was. */
  load(state: VersionedState): void {
    this.reset();
    if (state.version === 1) this.#load1(state);
    else {
      const { activePairs, steering } = checkedState('virtio-net', state, this.save());
      if (activePairs < 1 || activePairs > this.#pairs)
        throw new StateError(`virtio-net: saved state has ${activePairs} pairs of queues`);
      this.#activePairs = activePairs;
      this.#steering.pairs.set(steering);
    }
    this.activate();
  }

  /** Version 1 had one pair, and kept the chain whose frame the network had no room for out of the queue. */
  #load1(state: VersionedState): void {
    const { held } = checkedState('virtio-net', state, { version: 1, data: { held: [0] } });
    this.#transport?.queue(transmitQueue(0)).unpop(held.length);
  }
}
