/**
 * DHCP as a PXE client asks (RFC 2131; PXE 2.1 §2.2): an address, a server and a file's name. The packets are
 * kept for programs that ask for them. Left out: proxyDHCP and boot menus, renewal of the lease.
 */
import type { Clock } from '../../../bus/types.ts';
import { setU16, setU32, u32 } from '../../../net/packet/byteOrder.ts';
import type { Datagram, NetStack } from './netStack.ts';

const magic = 0x63825363;
const optionsStart = 240;
export const dhcpPorts = { server: 67, client: 68 } as const;
const type = { discover: 1, offer: 2, request: 3, ack: 5, nak: 6 } as const;
/** How long an answer is waited for, try by try. */
const patienceNs = [1e9, 2e9, 3e9, 4e9] as const;
/** A server that offers and then refuses is asked no more than this. */
const mostRefusals = 4;
const everyone = Uint8Array.of(255, 255, 255, 255);

type Phase = 'idle' | 'discover' | 'request' | 'bound' | 'failed';

export interface BootFile {
  readonly server: Uint8Array;
  readonly name: string;
}

export class DhcpClient {
  readonly #stack: NetStack;
  readonly #clock: Clock;
  #phase: Phase = 'idle';
  #tries = 0;
  #refusals = 0;
  #againNs = 0;
  #identity = 0;
  /** What was sent first, and what was answered last. */
  discover = new Uint8Array(0);
  answer = new Uint8Array(0);

  constructor(stack: NetStack, clock: Clock) {
    this.#stack = stack;
    this.#clock = clock;
  }

  get phase(): Phase {
    return this.#phase;
  }
  get againNs(): number {
    return this.#againNs;
  }

  start(): void {
    const { mac } = this.#stack;
    this.#phase = 'discover';
    this.#tries = 0;
    this.#refusals = 0;
    this.#againNs = 0;
    // Differs from card to card, and from start to start.
    this.#identity = (u32(mac, 2) ^ Math.floor(this.#clock.nowNs() / 1e6)) >>> 0;
    this.discover = message(mac, this.#identity, type.discover, []);
    this.answer = new Uint8Array(0);
    this.poll();
  }

  stop(): void {
    this.#phase = 'idle';
  }

  poll(): void {
    const asking = this.#phase === 'discover' || this.#phase === 'request';
    if (!asking || this.#clock.nowNs() < this.#againNs) return;
    const patience = patienceNs[this.#tries++];
    if (patience === undefined) {
      this.#phase = 'failed';
      return;
    }
    this.#againNs = this.#clock.nowNs() + patience;
    const packet = this.#phase === 'discover' ? this.discover : this.#request();
    this.#stack.send({
      ...{ source: new Uint8Array(4), target: everyone, payload: packet },
      ...{ sourcePort: dhcpPorts.client, targetPort: dhcpPorts.server },
    });
  }

  #request(): Uint8Array {
    const server = dhcpOption(this.answer, 54) ?? new Uint8Array(4);
    const address = this.answer.subarray(16, 20);
    const wanted = [50, 4, ...address, 54, 4, ...server];
    return message(this.#stack.mac, this.#identity, type.request, wanted);
  }

  input({ payload }: Datagram): void {
    const ours =
      payload.length >= optionsStart &&
      payload[0] === 2 &&
      u32(payload, 4) === this.#identity &&
      u32(payload, 236) === magic;
    if (!ours) return;
    const kind = dhcpOption(payload, 53)?.[0];
    if (this.#phase === 'discover' && kind === type.offer) {
      this.answer = payload.slice();
      this.#phase = 'request';
    } else if (this.#phase === 'request' && kind === type.ack) {
      this.answer = payload.slice();
      this.#phase = 'bound';
      this.#configure();
      return;
    } else if (this.#phase === 'request' && kind === type.nak)
      this.#phase = ++this.#refusals < mostRefusals ? 'discover' : 'failed';
    else return;
    this.#tries = 0;
    this.#againNs = 0;
    this.poll();
  }

  #configure(): void {
    const { answer } = this;
    const stack = this.#stack;
    stack.address = answer.slice(16, 20);
    stack.mask = fourBytes(dhcpOption(answer, 1)) ?? Uint8Array.of(255, 255, 255, 0);
    stack.router = fourBytes(dhcpOption(answer, 3)) ?? new Uint8Array(4);
  }

  /** What the server wants to be booted, if anything. */
  get bootFile(): BootFile | undefined {
    const { answer } = this;
    // RFC 2132 §9.3: the field may hold options.
    const overloaded = ((dhcpOption(answer, 52)?.[0] ?? 0) & 1) !== 0;
    const field = overloaded ? '' : text(answer.subarray(108, 236));
    const name = field || text(dhcpOption(answer, 67) ?? new Uint8Array(0));
    if (name === '') return undefined;
    const next = answer.slice(20, 24);
    const server = u32(next, 0) === 0 ? fourBytes(dhcpOption(answer, 54)) : next;
    return { name, server: server ?? next };
  }

  save() {
    return {
      phase: this.#phase as string,
      tries: this.#tries,
      refusals: this.#refusals,
      againNs: this.#againNs,
      identity: this.#identity,
      discover: [...this.discover],
      answer: [...this.answer],
    };
  }

  load(saved: ReturnType<DhcpClient['save']>): void {
    this.#phase = saved.phase as Phase;
    this.#tries = saved.tries;
    this.#refusals = saved.refusals;
    this.#againNs = saved.againNs;
    this.#identity = saved.identity;
    this.discover = Uint8Array.from(saved.discover);
    this.answer = Uint8Array.from(saved.answer);
  }
}

function message(
  mac: Uint8Array,
  identity: number,
  kind: number,
  more: readonly number[],
): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(548);
  packet.set([1, 1, 6, 0], 0);
  setU32(packet, 4, identity);
  // Answers come by broadcast: there is no address yet.
  setU16(packet, 10, 0x8000);
  packet.set(mac, 28);
  setU32(packet, 236, magic);
  const vendor = [...'PXEClient:Arch:00000:UNDI:002001'].map((letter) => letter.charCodeAt(0));
  // A type 0 UUID (PXE 2.1 table 2-1) made of the card's address.
  const uuid = [0, ...new Array<number>(10).fill(0), ...mac];
  packet.set(
    [
      ...[53, 1, kind, ...more, 57, 2, 0x05, 0xc0],
      ...[55, 11, 1, 3, 6, 12, 15, 43, 54, 60, 66, 67, 51],
      ...[60, vendor.length, ...vendor, 93, 2, 0, 0, 94, 3, 1, 2, 1, 97, uuid.length, ...uuid, 255],
    ],
    optionsStart,
  );
  return packet;
}

export function dhcpOption(packet: Uint8Array, code: number): Uint8Array | undefined {
  for (let at = optionsStart; at + 1 < packet.length;) {
    const found = packet[at] as number;
    if (found === 255) return undefined;
    if (found === 0) at++;
    else {
      const length = packet[at + 1] as number;
      if (found === code) return packet.subarray(at + 2, at + 2 + length);
      at += 2 + length;
    }
  }
  return undefined;
}

const fourBytes = (bytes: Uint8Array | undefined): Uint8Array | undefined =>
  bytes !== undefined && bytes.length >= 4 ? bytes.slice(0, 4) : undefined;

const text = (bytes: Uint8Array): string =>
  new TextDecoder('latin1').decode(bytes).split('\0')[0] ?? '';
