/** UDP over IPv4 over Ethernet with ARP (RFC 768, 791, 826), as booting needs it. Left out: fragments, ICMP. */
import type { Clock } from '../../../bus/types.ts';
import { bytesEqual, setU16, u16, u32 } from '../../../net/packet/byteOrder.ts';
import { checksumOf, pseudoHeaderSum, sumBytes } from '../../../net/packet/checksum.ts';
import { broadcastMac, etherType, etherTypeOf } from '../../../net/packet/ethernet.ts';
import { headersLength, IpPacket, protocol, writeHeaders } from '../../../net/packet/ipPacket.ts';
import type { BootAdapter } from '../bootAdapter.ts';

export interface Datagram {
  readonly source: Uint8Array;
  readonly target: Uint8Array;
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly payload: Uint8Array;
}

export type Sent = 'sent' | 'wait' | 'unreachable';

const nobody = (): Uint8Array => new Uint8Array(4);
const arp = { request: 1, reply: 2 } as const;
const arpLength = 42;
const askAgainNs = 1e9;
const mostQuestions = 4;
const mostNeighbours = 16;
const mostAtOnce = 256;
const broadcast = Uint8Array.of(255, 255, 255, 255);

export class NetStack {
  readonly #clock: Clock;
  adapter: BootAdapter | undefined;
  /** All zero until there is one. */
  address = nobody();
  mask = nobody();
  router = nobody();
  /** The card's own, unless a program has set another. */
  mac: Uint8Array = new Uint8Array(6);
  #neighbours: { readonly address: Uint8Array; readonly mac: Uint8Array }[] = [];
  /** Whose hardware address is asked for; the next question's time. */
  #asked = { address: nobody(), questions: 0, nextNs: 0 };
  readonly #packet = new IpPacket();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  forget(): void {
    this.address = nobody();
    this.mask = nobody();
    this.router = nobody();
    this.#neighbours = [];
    this.#asked = { address: nobody(), questions: 0, nextNs: 0 };
  }

  /** When a caller that was told to wait should come again, if nothing is received before. */
  get retryNs(): number {
    return this.#asked.nextNs;
  }

  /** 'wait': the neighbour's hardware address is being asked for. `router`: instead of the network's own. */
  send(datagram: Datagram, router = this.router): Sent {
    const to = this.#nextHop(datagram.target, router);
    const mac = bytesEqual(to, broadcast)
      ? broadcastMac
      : this.#neighbours.find(({ address }) => bytesEqual(address, to))?.mac;
    if (mac === undefined) return this.#ask(to);
    const { source, target, sourcePort, targetPort, payload } = datagram;
    const path = { sourceMac: this.mac, targetMac: mac, source, target };
    const length = 8 + payload.length;
    const at = headersLength(path);
    const frame = new Uint8Array(Math.max(60, at + length));
    writeHeaders(frame, path, protocol.udp, length);
    setU16(frame, at, sourcePort);
    setU16(frame, at + 2, targetPort);
    setU16(frame, at + 4, length);
    frame.set(payload, at + 8);
    const sum = pseudoHeaderSum(source, target, protocol.udp, length);
    setU16(frame, at + 6, checksumOf(sumBytes(frame, at, at + length, sum)) || 0xffff);
    this.adapter?.send(frame);
    return 'sent';
  }

  #nextHop(target: Uint8Array, router: Uint8Array): Uint8Array {
    const net = u32(this.mask, 0);
    const near = (u32(target, 0) & net) === (u32(this.address, 0) & net);
    const everyone = (u32(target, 0) | net) >>> 0 === 0xffffffff;
    if (everyone) return broadcast;
    return near || u32(router, 0) === 0 ? target : router;
  }

  #ask(address: Uint8Array): Sent {
    const asked = this.#asked;
    const now = this.#clock.nowNs();
    if (!bytesEqual(asked.address, address)) {
      this.#asked = { address: address.slice(), questions: 0, nextNs: 0 };
      return this.#ask(address);
    }
    if (now < asked.nextNs) return 'wait';
    if (asked.questions >= mostQuestions) {
      this.#asked = { address: nobody(), questions: 0, nextNs: 0 };
      return 'unreachable';
    }
    this.#asked = { address, questions: asked.questions + 1, nextNs: now + askAgainNs };
    this.#sendArp(arp.request, broadcastMac, new Uint8Array(6), address);
    return 'wait';
  }

  #sendArp(operation: number, to: Uint8Array, mac: Uint8Array, address: Uint8Array): void {
    const frame = new Uint8Array(60);
    frame.set(to, 0);
    frame.set(this.mac, 6);
    setU16(frame, 12, etherType.arp);
    frame.set([0, 1, 8, 0, 6, 4, 0, operation], 14);
    frame.set(this.mac, 22);
    frame.set(this.address, 28);
    frame.set(mac, 32);
    frame.set(address, 38);
    this.adapter?.send(frame);
  }

  /** Takes in what has been received, but not for ever from a network that answers every answer. */
  receive(deliver: (datagram: Datagram) => void): void {
    for (let frames = 0; frames < mostAtOnce; frames++) {
      const frame = this.adapter?.receive();
      if (frame === undefined) return;
      if (!this.isForUs(frame)) continue;
      if (etherTypeOf(frame) === etherType.arp) this.#receiveArp(frame);
      else this.#receiveIp(frame, deliver);
    }
  }

  isForUs(frame: Uint8Array): boolean {
    return (
      frame.length >= 14 &&
      (((frame[0] as number) & 1) !== 0 || bytesEqual(frame.subarray(0, 6), this.mac))
    );
  }

  #receiveArp(frame: Uint8Array): void {
    if (frame.length < arpLength || u32(frame, 14) !== 0x00010800) return;
    const [mac, address] = [frame.slice(22, 28), frame.slice(28, 32)];
    if (u32(this.address, 0) === 0 || !bytesEqual(frame.subarray(38, 42), this.address)) return;
    const others = this.#neighbours.filter((one) => !bytesEqual(one.address, address));
    this.#neighbours = [{ address, mac }, ...others].slice(0, mostNeighbours);
    if (bytesEqual(this.#asked.address, address)) this.#asked.nextNs = 0;
    if (u16(frame, 20) === arp.request) this.#sendArp(arp.reply, mac, mac, address);
  }

  #receiveIp(frame: Uint8Array, deliver: (datagram: Datagram) => void): void {
    const packet = this.#packet;
    if (!packet.parse(frame) || packet.version !== 4 || packet.isFragment) return;
    if (packet.protocol !== protocol.udp || packet.end - packet.payload < 8) return;
    const { payload: at, source, target } = packet;
    const length = u16(frame, at + 4);
    if (length < 8 || at + length > packet.end) return;
    if (u16(frame, at + 6) !== 0) {
      const sum = pseudoHeaderSum(source, target, protocol.udp, length);
      if (sumBytes(frame, at, at + length, sum) !== 0xffff) return;
    }
    deliver({
      source,
      target,
      sourcePort: u16(frame, at),
      targetPort: u16(frame, at + 2),
      payload: frame.subarray(at + 8, at + length),
    });
  }

  save() {
    return {
      address: [...this.address],
      mask: [...this.mask],
      router: [...this.router],
      mac: [...this.mac],
    };
  }

  /** Neighbours are asked for again. */
  load(saved: ReturnType<NetStack['save']>): void {
    this.forget();
    this.address = Uint8Array.from(saved.address);
    this.mask = Uint8Array.from(saved.mask);
    this.router = Uint8Array.from(saved.router);
    this.mac = Uint8Array.from(saved.mac);
  }
}
