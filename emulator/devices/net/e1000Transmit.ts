/**
 * Transmit ring of the 82540EM (SDM §3.3): legacy, context and data descriptors, checksum offload and
 * TCP segmentation, which is left to the network to do.
 */
import type { Frame } from '../../backends/network.ts';
import { checkedState } from '../../bus/deviceState.ts';
import { guestPhysical, type DmaMemory, type VersionedState } from '../../bus/types.ts';
import { cause, register as reg, transmitControl } from './e1000Registers.ts';

/** Command bits of a descriptor, SDM §3.3.3 and §3.3.7. */
const command = { end: 1, checksum: 4, segment: 4, report: 8, extended: 0x20 } as const;
const done = 1;
/** Options of data descriptors. */
const option = { ip: 1, tcp: 2 } as const;
const descriptorSize = 16;
/** TSO of a whole IP packet with its headers. */
const longest = 0x1_0000 + 256;

export interface RingParts {
  readonly memory: DmaMemory;
  readonly registers: Uint32Array;
  /** Raises interrupt causes. */
  readonly raise: (bits: number) => void;
  /** The function may do DMA. */
  readonly enabled: () => boolean;
}

/** Offsets of a context descriptor (SDM §3.3.6). */
interface Context {
  ipStart: number;
  ipChecksum: number;
  ipEnd: number;
  tcpStart: number;
  tcpChecksum: number;
  segmentSize: number;
  headerLength: number;
  payload: number;
  tcp: boolean;
  v4: boolean;
}

const noContext = (): Context => ({
  ...{ ipStart: 0, ipChecksum: 0, ipEnd: 0, tcpStart: 0, tcpChecksum: 0, segmentSize: 0 },
  ...{ headerLength: 0, payload: 0, tcp: false, v4: false },
});

export class E1000Transmit {
  readonly #parts: RingParts & { readonly send: (frame: Frame) => boolean };
  readonly #buffer = new Uint8Array(longest);
  #length = 0;
  #context = noContext();
  /** Of the frame's first data descriptor. */
  #options = 0;
  #segmenting = false;
  #legacyChecksum = { offset: 0, start: 0, wanted: false };
  /** The network had no room for the frame in the buffer. */
  stalled = false;
  #running = false;

  constructor(parts: RingParts & { readonly send: (frame: Frame) => boolean }) {
    this.#parts = parts;
  }

  reset(): void {
    this.#length = 0;
    this.#context = noContext();
    this.#options = 0;
    this.#segmenting = false;
    this.#legacyChecksum = { offset: 0, start: 0, wanted: false };
    this.stalled = false;
  }

  #get(offset: number): number {
    return this.#parts.registers[offset >> 2] as number;
  }
  #set(offset: number, value: number): void {
    this.#parts.registers[offset >> 2] = value;
  }

  run(): void {
    if (this.#running || !this.#parts.enabled()) return;
    if ((this.#get(reg.transmitControl) & transmitControl.enable) === 0) return;
    this.#running = true;
    const count = this.#get(reg.transmitLength) / descriptorSize;
    const base = this.#get(reg.transmitBaseHigh) * 0x1_0000_0000 + this.#get(reg.transmitBaseLow);
    let causes = 0;
    // A tail beyond the ring is never reached: no more than the ring is gone through.
    for (let left = count; left > 0; left--) {
      const head = this.#get(reg.transmitHead);
      if (head === this.#get(reg.transmitTail)) break;
      const at = base + (head % count) * descriptorSize;
      const flags = this.#descriptor(at);
      if (flags === undefined) break;
      if ((flags & command.report) !== 0) {
        this.#parts.memory.writeU8(guestPhysical(at + 12), done);
        causes |= cause.transmitDone;
      }
      this.#set(reg.transmitHead, head + 1 >= count ? 0 : head + 1);
    }
    if (this.#get(reg.transmitHead) === this.#get(reg.transmitTail)) causes |= cause.transmitEmpty;
    this.#running = false;
    if (causes !== 0 && count > 0) this.#parts.raise(causes);
  }

  /** The command byte; undefined if the network has no room for the frame that it ends. */
  #descriptor(at: number): number | undefined {
    const { memory } = this.#parts;
    const low = memory.readU32(guestPhysical(at + 8));
    const high = memory.readU32(guestPhysical(at + 12));
    const flags = low >>> 24;
    const extended = (flags & command.extended) !== 0;
    const kind = (low >>> 20) & 15;
    if (extended && kind === 0) {
      this.#takeContext(at, low, high);
      return flags;
    }
    if (!this.stalled) this.#collect(at, low, high, extended);
    if ((flags & command.end) === 0) return flags;
    this.stalled = !this.#sendFrame();
    if (this.stalled) return undefined;
    this.#length = 0;
    return flags;
  }

  #takeContext(at: number, low: number, high: number): void {
    const { memory } = this.#parts;
    const byte = (offset: number): number => memory.readU8(guestPhysical(at + offset));
    const flags = low >>> 24;
    this.#context = {
      ipStart: byte(0),
      ipChecksum: byte(1),
      ipEnd: memory.readU16(guestPhysical(at + 2)),
      tcpStart: byte(4),
      tcpChecksum: byte(5),
      payload: low & 0xfffff,
      headerLength: (high >>> 8) & 0xff,
      segmentSize: high >>> 16,
      tcp: (flags & 1) !== 0,
      v4: (flags & 2) !== 0,
    };
  }

  #collect(at: number, low: number, high: number, extended: boolean): void {
    const { memory } = this.#parts;
    const address =
      memory.readU32(guestPhysical(at)) + memory.readU32(guestPhysical(at + 4)) * 0x1_0000_0000;
    const length = extended ? low & 0xfffff : low & 0xffff;
    if (this.#length === 0) {
      this.#options = extended ? (high >>> 8) & 0xff : 0;
      this.#segmenting = extended && ((low >>> 24) & command.segment) !== 0;
      this.#legacyChecksum = {
        offset: (low >>> 16) & 0xff,
        start: (high >>> 8) & 0xff,
        wanted: !extended && ((low >>> 24) & command.checksum) !== 0,
      };
    }
    const take = Math.min(length, longest - this.#length);
    if (take > 0)
      memory.read(guestPhysical(address), this.#buffer.subarray(this.#length, this.#length + take));
    this.#length += take;
  }

  #sendFrame(): boolean {
    const bytes = this.#buffer.subarray(0, this.#length);
    if (bytes.length < 14 || bytes.length >= longest) return true;
    let [checksumStart, checksumOffset, segmentSize] = [0, 0, 0];
    const context = this.#context;
    if (this.#legacyChecksum.wanted) {
      checksumStart = this.#legacyChecksum.start;
      checksumOffset = this.#legacyChecksum.offset - checksumStart;
    } else {
      if ((this.#options & option.tcp) !== 0 || this.#segmenting) {
        checksumStart = context.tcpStart;
        checksumOffset = context.tcpChecksum - context.tcpStart;
      }
      if (this.#segmenting && context.tcp && !this.stalled) {
        segmentSize = context.segmentSize;
        if (segmentSize === 0) return true;
        this.#finishHeaders(bytes);
      } else if (this.#segmenting) segmentSize = context.tcp ? context.segmentSize : 0;
      if (((this.#options & option.ip) !== 0 || this.#segmenting) && context.v4)
        fillIpChecksum(bytes, context);
    }
    if (checksumStart > 0 && (checksumStart < 14 || checksumOffset < 0)) return true;
    if (checksumStart + checksumOffset + 2 > bytes.length) return true;
    const sent = this.#parts.send({ bytes, checksumStart, checksumOffset, segmentSize });
    if (sent) this.#count(bytes.length);
    return sent;
  }

  /** SDM §3.5.9: the driver leaves lengths open; the pseudo header's sum lacks the TCP length. */
  #finishHeaders(bytes: Uint8Array): void {
    const { ipStart, tcpStart, tcpChecksum, v4 } = this.#context;
    if (tcpChecksum + 2 > bytes.length || ipStart + 6 > bytes.length) return;
    const put = (at: number, value: number): void => {
      bytes[at] = value >>> 8;
      bytes[at + 1] = value;
    };
    put(v4 ? ipStart + 2 : ipStart + 4, bytes.length - ipStart - (v4 ? 0 : 40));
    let sum = ((bytes[tcpChecksum] as number) << 8) + (bytes[tcpChecksum + 1] as number);
    sum += bytes.length - tcpStart;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    put(tcpChecksum, sum);
  }

  #count(length: number): void {
    const add = (offset: number, n: number): void => this.#set(offset, this.#get(offset) + n);
    add(reg.goodPacketsTransmitted, 1);
    add(reg.totalPacketsTransmitted, 1);
    add(reg.goodOctetsTransmitted, length + 4);
    add(reg.totalOctetsTransmitted, length + 4);
  }

  save() {
    return {
      version: 1,
      data: {
        buffer: this.#buffer.slice(0, this.#length),
        context: { ...this.#context },
        options: this.#options,
        segmenting: this.#segmenting,
        legacyChecksum: { ...this.#legacyChecksum },
        stalled: this.stalled,
      },
    };
  }

  load(state: VersionedState): void {
    const own = this.save();
    const saved = (state.data as { buffer?: unknown } | undefined)?.buffer;
    const buffer = saved instanceof Uint8Array && saved.length < longest ? saved : own.data.buffer;
    // The buffer is as long as its contents: checked by itself.
    const data = checkedState('e1000 transmit', state, { ...own, data: { ...own.data, buffer } });
    this.#buffer.set(buffer);
    this.#length = buffer.length;
    this.#context = { ...data.context };
    this.#options = data.options;
    this.#segmenting = data.segmenting;
    this.#legacyChecksum = { ...data.legacyChecksum };
    this.stalled = data.stalled;
  }
}

function fillIpChecksum(bytes: Uint8Array, { ipStart, ipChecksum, ipEnd }: Context): void {
  if (ipChecksum + 2 > bytes.length || ipEnd >= bytes.length || ipEnd < ipStart) return;
  bytes[ipChecksum] = bytes[ipChecksum + 1] = 0;
  let sum = 0;
  for (let at = ipStart; at <= ipEnd; at += 2)
    sum += ((bytes[at] as number) << 8) + (bytes[at + 1] as number);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  bytes[ipChecksum] = ~sum >>> 8;
  bytes[ipChecksum + 1] = ~sum;
}
