/**
 * DNS for guests: the network's own names (gateway, other VMs) are answered here, all else is passed to the
 * host's name servers as it is, under an identifier of our own.
 */
import type { HostAddress, HostNetwork, HostUdp } from '../../backends/hostNetwork.ts';
import { setU16, u16 } from '../packet/byteOrder.ts';
import {
  answeredAddresses,
  dnsCode,
  dnsType,
  parseQuery,
  writeReply,
  type DnsQuestion,
} from '../packet/dnsMessage.ts';
import type { IpAddress } from '../packet/ipAddress.ts';
import { NetworkTimer, type TimerQueue } from '../timerQueue.ts';
import { FairShare, type GuestKey } from './fairShare.ts';
import type { Firewall } from './firewall.ts';
import type { UserAddresses } from './userAddresses.ts';

/** Questions of one guest that wait for an answer. */
const mostPending = 512;
const patienceMs = 3000;
const mostNames = 256;

export interface DnsParts {
  readonly host: HostNetwork;
  readonly timers: TimerQueue;
  readonly firewall: Firewall;
  readonly addresses: UserAddresses;
  /** 16 random bits. */
  readonly random16: () => number;
}

interface Pending {
  readonly guest: GuestKey;
  readonly query: Uint8Array;
  readonly question: DnsQuestion;
  readonly answer: (reply: Uint8Array) => void;
  readonly timer: NetworkTimer;
  /** Servers asked so far. */
  tries: number;
  asked: HostAddress | undefined;
}

export class DnsForwarder {
  readonly #parts: DnsParts;
  readonly #sockets = new Map<4 | 6, HostUdp>();
  readonly #pending = new Map<number, Pending>();
  readonly #share = new FairShare(mostPending);
  readonly #names = new Map<string, IpAddress[]>();

  constructor(parts: DnsParts) {
    this.#parts = parts;
    const { gateway4, gateway6 } = parts.addresses;
    for (const name of ['gateway', 'host']) this.#names.set(name, [gateway4, gateway6]);
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Makes a guest's name known; the gateway's are taken. */
  learnName(name: string, address: IpAddress): void {
    const key = name.toLowerCase();
    if (key === 'gateway' || key === 'host') return;
    if (this.#names.size < mostNames || this.#names.has(key)) this.#names.set(key, [address]);
  }

  /** `answer` is called once, unless nothing can be said. */
  query(query: Uint8Array, guest: GuestKey, answer: (reply: Uint8Array) => void): void {
    const question = parseQuery(query);
    if (question === undefined) return;
    const own = this.#ownAnswer(query, question);
    if (own !== undefined) return answer(own);
    if (!this.#parts.firewall.allowsName(question.name))
      return answer(writeReply(query, question, dnsCode.refused));
    if (!this.#share.mayTake(guest))
      return answer(writeReply(query, question, dnsCode.serverFailure));
    let id = this.#parts.random16();
    while (this.#pending.has(id)) id = (id + 1) & 0xffff;
    const timer = new NetworkTimer(() => this.#ask(id));
    this.#share.take(guest);
    this.#pending.set(id, {
      ...{ guest, question, answer, timer },
      ...{ query: query.slice(), tries: 0, asked: undefined },
    });
    this.#ask(id);
  }

  #ownAnswer(query: Uint8Array, question: DnsQuestion): Uint8Array | undefined {
    const { domain } = this.#parts.addresses;
    const { name, type } = question;
    const inside = name.endsWith(`.${domain}`);
    const label = inside ? name.slice(0, -domain.length - 1) : name;
    const addresses = this.#names.get(label);
    if (addresses === undefined)
      return inside ? writeReply(query, question, dnsCode.noSuchName) : undefined;
    const wanted = addresses.filter(
      (address) =>
        type === dnsType.any || type === (address.length === 4 ? dnsType.a : dnsType.aaaa),
    );
    return writeReply(query, question, dnsCode.ok, wanted);
  }

  /** Passes a question to the next server; gives up after each was asked twice. */
  #ask(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const servers = this.#parts.host.nameServers();
    const server = servers[pending.tries % Math.max(1, servers.length)];
    if (server === undefined || pending.tries >= 2 * servers.length) {
      this.#forget(id, pending);
      pending.answer(writeReply(pending.query, pending.question, dnsCode.serverFailure));
      return;
    }
    pending.tries++;
    pending.asked = server;
    const message = pending.query.slice();
    setU16(message, 0, id);
    this.#parts.timers.arm(pending.timer, patienceMs);
    this.#socket(server.address.includes(':') ? 6 : 4).send(message, server);
  }

  #forget(id: number, { guest, timer }: Pending): void {
    this.#pending.delete(id);
    this.#share.give(guest);
    this.#parts.timers.cancel(timer);
  }

  #socket(family: 4 | 6): HostUdp {
    const open = this.#sockets.get(family);
    if (open !== undefined) return open;
    const socket = this.#parts.host.openUdp(family, (bytes, from) => this.#replied(bytes, from));
    this.#sockets.set(family, socket);
    return socket;
  }

  #replied(bytes: Uint8Array, from: HostAddress): void {
    if (bytes.length < 12) return;
    const id = u16(bytes, 0);
    const pending = this.#pending.get(id);
    if (pending?.asked?.address !== from.address || pending.asked.port !== from.port) return;
    this.#forget(id, pending);
    for (const address of answeredAddresses(bytes))
      this.#parts.firewall.learn(pending.question.name, address);
    const reply = bytes.slice();
    setU16(reply, 0, pending.question.id);
    pending.answer(reply);
  }

  dispose(): void {
    for (const { timer } of this.#pending.values()) this.#parts.timers.cancel(timer);
    this.#pending.clear();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }
}
