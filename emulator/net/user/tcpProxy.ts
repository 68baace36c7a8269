/**
 * TCP between guests and the host's sockets: a guest's SYN is answered once the host has connected, a
 * connection to a forwarded port is opened to the guest. Back-pressure goes through: a window closes
 * when the host does not take bytes, and the host's socket is not read while a guest does not.
 */
import type {
  HostAddress,
  HostNetwork,
  HostTcp,
  HostTcpEvents,
} from '../../backends/hostNetwork.ts';
import { bytesEqual } from '../packet/byteOrder.ts';
import { pseudoHeaderSum, sumBytes } from '../packet/checksum.ts';
import { formatIp, type IpAddress } from '../packet/ipAddress.ts';
import { protocol, type IpPacket, type IpPath } from '../packet/ipPacket.ts';
import { seqAdd, tcpFlag, TcpSegment } from '../packet/tcpSegment.ts';
import { TcpConnection } from '../tcp/tcpConnection.ts';
import type { OutgoingSegment, TcpCarrier, TcpTuning, TcpUser } from '../tcp/tcpContract.ts';
import type { TimerQueue } from '../timerQueue.ts';
import { TcpFlow, type FlowOwner } from './tcpFlow.ts';
import { FairShare, type GuestKey } from './fairShare.ts';
import { destinationOf, type DestinationParts } from './destinations.ts';
import type { FrameWriter } from './frameWriter.ts';
import type { Neighbours } from './neighbours.ts';

export interface TcpLimits {
  /** Connections of one guest at a time, and of these, such that are not open yet; see FairShare. */
  readonly connections: number;
  readonly opening: number;
  /** Bytes on their way in either direction, all connections together. */
  readonly memory: number;
}

export const defaultTcpLimits: TcpLimits = { connections: 4096, opening: 256, memory: 128 << 20 };
/** Bytes on their way in one direction of one connection. */
const leastPerConnection = 64 << 10;
const mostPerConnection = 2 << 20;

export interface TcpProxyParts {
  readonly timers: TimerQueue;
  readonly writer: FrameWriter;
  readonly neighbours: Neighbours;
  readonly destinations: DestinationParts;
  readonly host: HostNetwork;
  readonly limits: TcpLimits;
  readonly tuning: TcpTuning;
  readonly random32: () => number;
  readonly guestOf: (mac: Uint8Array) => GuestKey;
}

export class TcpProxy implements TcpCarrier, FlowOwner {
  readonly timers: TimerQueue;
  readonly #parts: TcpProxyParts;
  /** By both ports; rarely more than one in a list. */
  readonly #table = new Map<number, TcpFlow[]>();
  readonly #acknowledging = new Set<TcpConnection>();
  readonly #blocked = new Set<TcpConnection>();
  readonly #segment = new TcpSegment();
  readonly #open: FairShare;
  readonly #opening: FairShare;
  #nextPort = 49152;
  readonly counters = { opened: 0, refused: 0, dropped: 0, retransmitted: 0 };

  constructor(parts: TcpProxyParts) {
    this.#parts = parts;
    this.timers = parts.timers;
    this.#open = new FairShare(parts.limits.connections);
    this.#opening = new FairShare(parts.limits.opening);
  }

  get connections(): number {
    return this.#open.total;
  }
  get opening(): number {
    return this.#opening.total;
  }

  opened(guest: GuestKey): void {
    this.#opening.give(guest);
  }

  /** Bytes that one direction of a guest's connection may hold now: of an equal share of each guest. */
  shareOf(guest: GuestKey): number {
    const ofGuest = this.#parts.limits.memory / Math.max(1, this.#open.holders);
    const share = ofGuest / Math.max(1, 2 * this.#open.held(guest));
    return Math.max(leastPerConnection, Math.min(mostPerConnection, share));
  }

  // Guest's segments

  /** `complete`: the segment has its checksum, which is checked. */
  input(packet: IpPacket, complete: boolean): void {
    const { frame, payload, end, source, target } = packet;
    const segment = this.#segment;
    if (!segment.parse(frame, payload, end)) return;
    if (complete) {
      const pseudo = pseudoHeaderSum(source, target, protocol.tcp, end - payload);
      if (sumBytes(frame, payload, end, pseudo) !== 0xffff) return;
    }
    const key = keyOf(segment.sourcePort, segment.targetPort);
    const flow = this.#find(key, source, target);
    if (flow !== undefined) {
      const again = segment.syn && !segment.ack && flow.connection.state === 'timeWait';
      if (!again) return flow.connection.input(segment);
      flow.connection.abort();
    }
    if (segment.syn && !segment.ack && !segment.rst) this.#syn(packet, segment);
    else if (!segment.rst) this.#reset(reversed(packet), segment);
  }

  #find(key: number, guest: IpAddress, local: IpAddress): TcpFlow | undefined {
    const flows = this.#table.get(key);
    if (flows === undefined) return undefined;
    for (const flow of flows) {
      const { path } = flow.connection;
      if (bytesEqual(path.target, guest) && bytesEqual(path.source, local)) return flow;
    }
    return undefined;
  }

  /** RFC 9293 §3.10.7.1 */
  #reset(path: IpPath, segment: TcpSegment): void {
    const ports = { source: segment.targetPort, target: segment.sourcePort };
    const length = segment.length + (segment.syn ? 1 : 0) + (segment.fin ? 1 : 0);
    this.#parts.writer.tcpReset(
      path,
      ports,
      segment.ack
        ? { sequence: segment.acknowledgement, acknowledgement: 0, flags: tcpFlag.rst }
        : {
            sequence: 0,
            acknowledgement: seqAdd(segment.sequence, length),
            flags: tcpFlag.rst | tcpFlag.ack,
          },
    );
  }

  #syn(packet: IpPacket, segment: TcpSegment): void {
    const { host, destinations } = this.#parts;
    const to = destinationOf(destinations, packet.target, segment.targetPort);
    if (to === 'refused') {
      this.counters.refused++;
      return this.#reset(reversed(packet), segment);
    }
    // A flood of SYNs is not answered at all; a guest in its right mind asks again.
    const path = reversed(packet);
    const guest = this.#parts.guestOf(path.targetMac);
    if (!this.#opening.mayTake(guest) || !this.#open.mayTake(guest)) {
      this.counters.dropped++;
      return;
    }
    const header = packet.frame.slice(packet.payload, segment.end);
    const syn = new TcpSegment();
    syn.parse(header, 0, header.length);
    const original = packet.frame.slice(packet.start, packet.end);
    const flow = new TcpFlow(this, guest, {
      ...{ path, localPort: segment.targetPort, guestPort: segment.sourcePort },
    });
    flow.allowed = () =>
      destinationOf(destinations, path.source, flow.connection.localPort) !== 'refused';
    flow.refuse = (why) => {
      if (why === 'refused') this.#reset(path, syn);
      else this.#parts.writer.unreachable(path, original, { v4: 1, v6: 3 });
    };
    this.#add(flow);
    flow.connectHost(syn, (events) => host.connectTcp(to, events));
  }

  /** Rules have changed: ends connections of guests to where they may no longer go. */
  dropRefused(): void {
    for (const flow of [...this.#table.values()].flat()) if (!flow.allowed()) flow.drop();
  }

  // Connections to the guest

  /** A connection that the host has accepted for a forwarded port. */
  forward(
    socket: HostTcp,
    from: HostAddress,
    to: { readonly address: IpAddress; readonly port: number },
  ): HostTcpEvents {
    const { addresses } = this.#parts.destinations;
    const v4 = to.address.length === 4;
    const source = v4 ? addresses.gateway4 : addresses.gateway6;
    const targetMac = new Uint8Array(6);
    const path: IpPath = { sourceMac: addresses.mac, targetMac, source, target: to.address };
    const { neighbours } = this.#parts;
    // Who has this address is known only later.
    const guest = `forwarded to ${formatIp(to.address)}`;
    const busy = !this.#opening.mayTake(guest) || !this.#open.mayTake(guest);
    const localPort = this.#freePort(from.port, to, source);
    const flow = new TcpFlow(this, guest, { path, localPort, guestPort: to.port });
    if (busy) {
      this.counters.dropped++;
      socket.abort();
      return flow.hostEvents;
    }
    this.#add(flow);
    flow.adopt(socket);
    neighbours.resolve(to.address, (mac) => {
      targetMac.set(mac);
      flow.openToGuest();
    });
    if (flow.connection.state === 'closed') this.timers.arm(flow.resolving, 10_000);
    return flow.hostEvents;
  }

  #freePort(
    wanted: number,
    to: { readonly address: IpAddress; readonly port: number },
    source: IpAddress,
  ): number {
    const free = (port: number): boolean =>
      this.#find(keyOf(to.port, port), to.address, source) === undefined;
    if (wanted > 0 && free(wanted)) return wanted;
    for (let tries = 0; tries < 16384; tries++) {
      this.#nextPort = this.#nextPort === 0xffff ? 49152 : this.#nextPort + 1;
      if (free(this.#nextPort)) break;
    }
    return this.#nextPort;
  }

  #add(flow: TcpFlow): void {
    const key = keyOf(flow.connection.guestPort, flow.connection.localPort);
    const flows = this.#table.get(key);
    if (flows === undefined) this.#table.set(key, [flow]);
    else flows.push(flow);
    this.#open.take(flow.guest);
    this.#opening.take(flow.guest);
    this.counters.opened++;
  }

  newConnection(at: ConstructorParameters<typeof TcpConnection>[0], user: TcpUser): TcpConnection {
    return new TcpConnection(at, {
      ...{ carrier: this, user, tuning: this.#parts.tuning },
      initialSequence: this.#parts.random32(),
    });
  }

  // Carrier

  send(segment: OutgoingSegment): boolean {
    const sent = this.#parts.writer.tcp(segment);
    if (sent) this.#acknowledging.delete(segment.connection);
    return sent;
  }

  acknowledgeSoon(connection: TcpConnection): void {
    this.#acknowledging.add(connection);
  }

  blocked(connection: TcpConnection): void {
    this.#blocked.add(connection);
  }

  /** The guest has sent what it had. */
  flush(): void {
    if (this.#acknowledging.size === 0) return;
    const due = [...this.#acknowledging];
    this.#acknowledging.clear();
    for (const connection of due) connection.acknowledge();
  }

  /** The guest's adapter has room again. */
  ready(): void {
    this.flush();
    if (this.#blocked.size === 0) return;
    const blocked = [...this.#blocked];
    this.#blocked.clear();
    for (const connection of blocked) connection.resume();
  }

  forget(connection: TcpConnection): void {
    this.#acknowledging.delete(connection);
    this.#blocked.delete(connection);
    this.counters.retransmitted += connection.sender.retransmitted;
    const key = keyOf(connection.guestPort, connection.localPort);
    const flows = this.#table.get(key);
    const index = flows?.findIndex((flow) => flow.connection === connection) ?? -1;
    if (flows === undefined || index < 0) return;
    const [flow] = flows.splice(index, 1);
    flow?.opened();
    this.#open.give(flow?.guest);
    if (flows.length === 0) this.#table.delete(key);
  }

  dispose(): void {
    for (const flow of [...this.#table.values()].flat()) flow.drop();
  }
}

const keyOf = (guestPort: number, localPort: number): number => guestPort * 0x10000 + localPort;

/** The way back to a packet's sender, as copies. */
export const reversed = (packet: IpPacket): IpPath => ({
  sourceMac: packet.frame.slice(0, 6),
  targetMac: packet.frame.slice(6, 12),
  source: packet.target.slice(),
  target: packet.source.slice(),
});
