/**
 * UDP between guests and the host's sockets. A guest's port has one host socket, through which it speaks
 * with everybody, as long as there is traffic; only who was spoken to may answer.
 */
import type { HostAddress, HostNetwork, HostUdp } from '../../backends/hostNetwork.ts';
import { u16 } from '../packet/byteOrder.ts';
import type { Mac } from '../packet/ethernet.ts';
import { formatIp, parseIp, type IpAddress } from '../packet/ipAddress.ts';
import type { IpPacket, IpPath } from '../packet/ipPacket.ts';
import { NetworkTimer, type TimerQueue } from '../timerQueue.ts';
import { destinationOf, type DestinationParts } from './destinations.ts';
import { FairShare, type GuestKey } from './fairShare.ts';
import type { FrameWriter } from './frameWriter.ts';
import type { Neighbours } from './neighbours.ts';
import { reversed } from './tcpProxy.ts';

export interface UdpLimits {
  /** Ports of one guest that are in use at a time; see FairShare. */
  readonly flows: number;
  /** Peers of one of them. */
  readonly peers: number;
  readonly idleMs: number;
}
export const defaultUdpLimits: UdpLimits = { flows: 1024, peers: 256, idleMs: 60_000 };
/** Datagrams are dropped while a host socket has more than this waiting. */
const mostUnsent = 1 << 20;

export interface UdpProxyParts {
  readonly timers: TimerQueue;
  readonly writer: FrameWriter;
  readonly neighbours: Neighbours;
  readonly destinations: DestinationParts;
  readonly host: HostNetwork;
  readonly limits: UdpLimits;
  readonly guestOf: (mac: Uint8Array) => GuestKey;
}

/** What a guest calls a peer. */
interface Peer {
  readonly address: IpAddress;
  readonly port: number;
}

interface Flow {
  readonly key: string;
  readonly owner: GuestKey;
  readonly socket: HostUdp;
  readonly guest: IpAddress;
  readonly guestPort: number;
  readonly mac: Mac;
  /** By the host's name for it. */
  readonly peers: Map<string, Peer>;
  readonly timer: NetworkTimer;
}

/** A host port that leads to a guest's. */
export interface UdpForward {
  close(): void;
}

export class UdpProxy {
  readonly #parts: UdpProxyParts;
  readonly #flows = new Map<string, Flow>();
  readonly #share: FairShare;
  /** Who answers to a forwarded port's clients: guest, guest port, client port → where to. */
  readonly #returns = new Map<string, { readonly socket: HostUdp; readonly to: HostAddress }>();
  readonly counters = { opened: 0, refused: 0, dropped: 0 };

  constructor(parts: UdpProxyParts) {
    this.#parts = parts;
    this.#share = new FairShare(parts.limits.flows);
  }

  get flows(): number {
    return this.#flows.size;
  }

  /** A guest's datagram, its checksum checked. */
  input(packet: IpPacket): void {
    const { frame, payload, source, target } = packet;
    const [from, to] = [u16(frame, payload), u16(frame, payload + 2)];
    const end = payload + u16(frame, payload + 4);
    const bytes = frame.slice(payload + 8, end);
    const back = this.#returns.get(`${formatIp(source)} ${from} ${to}`);
    const { gateway4, gateway6 } = this.#parts.destinations.addresses;
    const gateway = formatIp(source.length === 4 ? gateway4 : gateway6);
    if (back !== undefined && formatIp(target) === gateway) {
      back.socket.send(bytes, back.to);
      return;
    }
    const destination = destinationOf(this.#parts.destinations, target, to);
    if (destination === 'refused') {
      this.counters.refused++;
      const path = reversed(packet);
      const original = frame.slice(packet.start, packet.end);
      return this.#parts.writer.unreachable(path, original, { v4: 3, v6: 4 });
    }
    const flow = this.#flowOf(packet, from);
    if (flow === undefined || flow.socket.unsent > mostUnsent) {
      this.counters.dropped++;
      return;
    }
    const name = hostKey(destination);
    if (!flow.peers.has(name)) {
      if (flow.peers.size >= this.#parts.limits.peers) {
        const [oldest] = flow.peers.keys();
        if (oldest !== undefined) flow.peers.delete(oldest);
      }
      flow.peers.set(name, { address: target.slice(), port: to });
    }
    this.#parts.timers.arm(flow.timer, this.#parts.limits.idleMs);
    flow.socket.send(bytes, destination);
  }

  #flowOf({ frame, source }: IpPacket, port: number): Flow | undefined {
    const key = `${formatIp(source)} ${port}`;
    const known = this.#flows.get(key);
    if (known !== undefined) return known;
    const owner = this.#parts.guestOf(frame.subarray(6, 12));
    if (!this.#share.mayTake(owner)) return undefined;
    const family = source.length === 4 ? 4 : 6;
    const socket = this.#parts.host.openUdp(family, (bytes, from) =>
      this.#received(flow, bytes, from),
    );
    const flow: Flow = {
      ...{ key, owner, socket, guest: source.slice(), guestPort: port, mac: frame.slice(6, 12) },
      peers: new Map(),
      timer: new NetworkTimer(() => this.#close(flow)),
    };
    this.#flows.set(key, flow);
    this.#share.take(owner);
    this.counters.opened++;
    return flow;
  }

  #received(flow: Flow, bytes: Uint8Array, from: HostAddress): void {
    const peer = flow.peers.get(hostKey(from));
    if (peer === undefined || !this.#flows.has(flow.key)) return;
    const path: IpPath = {
      sourceMac: this.#parts.destinations.addresses.mac,
      targetMac: flow.mac,
      source: peer.address,
      target: flow.guest,
    };
    this.#parts.timers.arm(flow.timer, this.#parts.limits.idleMs);
    if (!this.#parts.writer.udp(path, peer.port, flow.guestPort, bytes)) this.counters.dropped++;
  }

  /** Rules have changed: those whom guests may no longer speak to are not heard either. */
  dropRefused(): void {
    for (const { peers } of this.#flows.values())
      for (const [name, { address, port }] of peers)
        if (destinationOf(this.#parts.destinations, address, port) === 'refused')
          peers.delete(name);
  }

  #close(flow: Flow): void {
    this.#parts.timers.cancel(flow.timer);
    flow.socket.close();
    if (this.#flows.delete(flow.key)) this.#share.give(flow.owner);
  }

  /** Leads a host port to a guest's. Rejects with HostNetworkError. */
  async forward(
    at: HostAddress,
    to: { readonly address: IpAddress; readonly port: number },
  ): Promise<UdpForward> {
    const { gateway4, gateway6, mac } = this.#parts.destinations.addresses;
    const source = to.address.length === 4 ? gateway4 : gateway6;
    const returns = new Map<string, NetworkTimer>();
    const socket = await this.#parts.host.bindUdp(at, (bytes, from) => {
      const key = `${formatIp(to.address)} ${to.port} ${from.port}`;
      if (!returns.has(key) && returns.size >= this.#parts.limits.peers) return;
      const timer =
        returns.get(key) ??
        new NetworkTimer(() => {
          returns.delete(key);
          this.#returns.delete(key);
        });
      returns.set(key, timer);
      this.#returns.set(key, { socket, to: from });
      this.#parts.timers.arm(timer, this.#parts.limits.idleMs);
      this.#parts.neighbours.resolve(to.address, (targetMac) => {
        const path: IpPath = { sourceMac: mac, targetMac, source, target: to.address };
        this.#parts.writer.udp(path, from.port, to.port, bytes);
      });
    });
    return {
      close: () => {
        socket.close();
        for (const [key, timer] of returns) {
          this.#parts.timers.cancel(timer);
          this.#returns.delete(key);
        }
      },
    };
  }

  dispose(): void {
    for (const flow of [...this.#flows.values()]) this.#close(flow);
  }
}

/** Addresses of one host are written in one way. */
function hostKey({ address, port }: HostAddress): string {
  const parsed = parseIp(address);
  return `${parsed === undefined ? address : formatIp(parsed)} ${port}`;
}
