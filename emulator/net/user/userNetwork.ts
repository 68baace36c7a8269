/**
 * A user-mode network: the gateway of a guests' network, with DHCP, names, NAT to the host's sockets and
 * forwarded ports. One end of a cable; behind a switch it serves several guests. ICMP echo is answered
 * for the network's own addresses; beyond, it would need rights that a user does not have.
 */
import type { BootFiles, HostNetwork } from '../../backends/hostNetwork.ts';
import type { Frame, FrameEnd } from '../../backends/network.ts';
import { u16 } from '../packet/byteOrder.ts';
import { sumBytes, pseudoHeaderSum } from '../packet/checksum.ts';
import { bytesEqual } from '../packet/byteOrder.ts';
import { etherType, etherTypeOf, isMulticast } from '../packet/ethernet.ts';
import { formatIp, type IpAddress } from '../packet/ipAddress.ts';
import { IpPacket, protocol } from '../packet/ipPacket.ts';
import { fillChecksum } from '../packet/offload.ts';
import { defaultTuning, type TcpTuning } from '../tcp/tcpContract.ts';
import { NetworkTimer, TimerQueue, type NetworkClock } from '../timerQueue.ts';
import type { DestinationParts } from './destinations.ts';
import { DhcpServer } from './dhcpServer.ts';
import { DnsForwarder } from './dnsForwarder.ts';
import type { GuestKey } from './fairShare.ts';
import { Firewall, type FirewallRule } from './firewall.ts';
import { FragmentAssembler } from './fragments.ts';
import { FrameWriter, udpChecksumGood } from './frameWriter.ts';
import { Neighbours } from './neighbours.ts';
import { PortForwards, type PortForward } from './portForwards.ts';
import { defaultTcpLimits, reversed, TcpProxy, type TcpLimits } from './tcpProxy.ts';
import { TftpServer } from './tftpServer.ts';
import { defaultUdpLimits, UdpProxy, type UdpLimits } from './udpProxy.ts';
import { defaultAddresses, onLink, ownAddress, type UserAddresses } from './userAddresses.ts';

export interface UserNetworkOptions {
  readonly addresses?: UserAddresses;
  readonly hostLoopback?: boolean;
  readonly hostOnly?: boolean;
  /** Ports of the host's loopback that stay closed: the application's own server. */
  readonly portClosed?: (port: number) => boolean;
  readonly rules?: readonly FirewallRule[];
  readonly bootFile?: string;
  readonly ipxeFile?: string;
  /** Tells guests apart by a frame's source, so that they share what is limited; all are one without it. */
  readonly guestOf?: (mac: Uint8Array) => GuestKey;
  readonly tcpLimits?: TcpLimits;
  readonly udpLimits?: UdpLimits;
  readonly tcpTuning?: TcpTuning;
}

export interface UserNetworkParts {
  readonly clock: NetworkClock;
  readonly host: HostNetwork;
  /** Fills bytes with randomness. */
  readonly entropy: { fill(bytes: Uint8Array): void };
  /** Served by TFTP. */
  readonly bootFiles?: BootFiles;
}

/** Routers advertise themselves before what they said runs out. */
const advertiseEveryMs = 450_000;

export class UserNetwork implements FrameEnd {
  readonly addresses: UserAddresses;
  readonly firewall = new Firewall();
  readonly tcp: TcpProxy;
  readonly udp: UdpProxy;
  readonly dns: DnsForwarder;
  readonly dhcp: DhcpServer;
  readonly forwards: PortForwards;
  readonly timers: TimerQueue;
  readonly #peer: FrameEnd;
  readonly #guestOf: (mac: Uint8Array) => GuestKey;
  readonly #writer: FrameWriter;
  readonly #neighbours: Neighbours;
  readonly #tftp: TftpServer | undefined;
  readonly #fragments = new FragmentAssembler();
  readonly #packet = new IpPacket();
  readonly #advertising = new NetworkTimer(() => this.#advertise());
  readonly counters = { frames: 0, malformed: 0, foreign: 0 };

  /** `peer` is what the network's frames go to. */
  constructor(peer: FrameEnd, parts: UserNetworkParts, options: UserNetworkOptions = {}) {
    this.#peer = peer;
    this.addresses = options.addresses ?? defaultAddresses;
    this.firewall.setRules(options.rules ?? []);
    const { host, entropy } = parts;
    const random = new Uint8Array(4);
    const random32 = (): number => {
      entropy.fill(random);
      return (random[0]! | (random[1]! << 8) | (random[2]! << 16) | (random[3]! << 24)) >>> 0;
    };
    const timers = (this.timers = new TimerQueue(parts.clock));
    const writer = (this.#writer = new FrameWriter((frame) => this.#peer.take(frame)));
    const neighbours = (this.#neighbours = new Neighbours(this.addresses, writer));
    const destinations: DestinationParts = {
      addresses: this.addresses,
      firewall: this.firewall,
      host,
      hostLoopback: options.hostLoopback ?? false,
      hostOnly: options.hostOnly ?? false,
      portClosed: options.portClosed ?? (() => false),
    };
    const guestOf = (this.#guestOf = options.guestOf ?? (() => undefined));
    const common = { timers, writer, neighbours, destinations, host, guestOf };
    this.tcp = new TcpProxy({
      ...common,
      limits: options.tcpLimits ?? defaultTcpLimits,
      tuning: options.tcpTuning ?? defaultTuning,
      random32,
    });
    this.udp = new UdpProxy({ ...common, limits: options.udpLimits ?? defaultUdpLimits });
    this.dns = new DnsForwarder({
      ...{ host, timers, firewall: this.firewall, addresses: this.addresses },
      random16: () => random32() & 0xffff,
    });
    this.dhcp = new DhcpServer(this.addresses, writer, {
      ...(options.bootFile === undefined ? {} : { bootFile: options.bootFile }),
      ...(options.ipxeFile === undefined ? {} : { ipxeFile: options.ipxeFile }),
      nameLearned: (name, address) => this.dns.learnName(name, address),
    });
    this.forwards = new PortForwards({
      tcp: this.tcp,
      udp: this.udp,
      host,
      defaultGuest: () => this.addresses.firstGuest4,
    });
    this.#tftp =
      parts.bootFiles === undefined ? undefined : new TftpServer(parts.bootFiles, timers);
    timers.arm(this.#advertising, advertiseEveryMs);
  }

  #advertise(): void {
    this.#neighbours.advertiseRouter();
    this.timers.arm(this.#advertising, advertiseEveryMs);
  }

  /** Opens the forwards. Rejects with HostNetworkError, and has none of these open then. */
  async forward(list: readonly PortForward[]): Promise<void> {
    await this.forwards.set(list);
  }

  /** What guests may reach from now on, also by what is open already. Throws RangeError, and changes nothing then. */
  setRules(rules: readonly FirewallRule[]): void {
    this.firewall.setRules(rules);
    this.tcp.dropRefused();
    this.udp.dropRefused();
  }

  // The cable

  ready(): void {
    this.tcp.ready();
  }

  flush(): void {
    this.tcp.flush();
  }

  take(frame: Frame): boolean {
    this.counters.frames++;
    const { bytes } = frame;
    if (bytes.length < 14) return true;
    const multicast = isMulticast(bytes);
    if (!multicast && !bytesEqual(bytes.subarray(0, 6), this.addresses.mac)) return true;
    if (etherTypeOf(bytes) === etherType.arp) this.#neighbours.inputArp(bytes);
    else this.#input(frame, multicast);
    return true;
  }

  #input(frame: Frame, multicast: boolean): void {
    const packet = this.#packet;
    if (!packet.parse(frame.bytes)) {
      this.counters.malformed++;
      return;
    }
    const { source } = packet;
    const unspecified = source.every((byte) => byte === 0);
    if (!unspecified && (!onLink(this.addresses, source) || ownAddress(this.addresses, source))) {
      this.counters.foreign++;
      return;
    }
    if (packet.isFragment) {
      if (frame.checksumStart > 0 || multicast) return;
      const whole = this.#fragments.add(packet, this.timers.nowMs());
      if (whole !== undefined && packet.parse(whole)) this.#inputPacket(packet, true, false);
      return;
    }
    if (packet.protocol === protocol.tcp) {
      if (multicast || unspecified) return;
      this.tcp.input(packet, frame.checksumStart === 0 && frame.segmentSize === 0);
      return;
    }
    if (frame.checksumStart > 0) {
      // Small traffic: what is still to be done is done here.
      const bytes = frame.bytes.slice();
      if (!fillChecksum(bytes, frame.checksumStart, frame.checksumOffset)) return;
      // The field may have been part of the headers.
      if (!packet.parse(bytes) || packet.isFragment) return;
    }
    this.#inputPacket(packet, !unspecified, multicast);
  }

  #inputPacket(packet: IpPacket, fromSomebody: boolean, multicast: boolean): void {
    const { frame, payload, end, version } = packet;
    if (packet.protocol === protocol.udp) return this.#inputUdp(packet, fromSomebody, multicast);
    if (packet.protocol === protocol.tcp)
      return fromSomebody ? this.tcp.input(packet, true) : undefined;
    if (end - payload < 8) return;
    if (version === 4 && packet.protocol === protocol.icmp) {
      if (sumBytes(frame, payload, end) !== 0xffff) return;
      if (frame[payload] === 8 && fromSomebody && !multicast) this.#echo(packet, 0, 13);
    } else if (version === 6 && packet.protocol === protocol.icmpv6) {
      const pseudo = pseudoHeaderSum(packet.source, packet.target, protocol.icmpv6, end - payload);
      if (sumBytes(frame, payload, end, pseudo) !== 0xffff) return;
      if (this.#neighbours.inputNd(packet)) return;
      if (frame[payload] === 128 && fromSomebody && !multicast) this.#echo(packet, 129, 1);
    }
  }

  /** Answers an echo request to the network itself; says that others cannot be asked. */
  #echo(packet: IpPacket, reply: number, prohibited: number): void {
    const { frame, payload, end, target } = packet;
    if (end - payload > 0xffff - 100) return;
    if (ownAddress(this.addresses, target) === undefined) {
      const original = frame.slice(packet.start, packet.end);
      return this.#writer.unreachable(reversed(packet), original, {
        v4: prohibited,
        v6: prohibited,
      });
    }
    const message = frame.slice(payload, end);
    message[0] = reply;
    this.#writer.icmp(reversed(packet), message);
  }

  #inputUdp(packet: IpPacket, fromSomebody: boolean, multicast: boolean): void {
    const { frame, payload, source, target } = packet;
    const length = u16(frame, payload + 4);
    if (packet.end - payload < 8 || length < 8 || payload + length > packet.end) return;
    const end = payload + length;
    if (!udpChecksumGood(frame, payload, end, source, target)) return;
    const [from, to] = [u16(frame, payload), u16(frame, payload + 2)];
    const own = ownAddress(this.addresses, target);
    if (source.length === 4 && to === 67 && (multicast || own === 'gateway')) {
      this.dhcp.input(frame.slice(payload + 8, end));
      return;
    }
    if (!fromSomebody || multicast) return;
    if (own === 'dns' && to === 53)
      return this.#inputDns(packet, from, frame.slice(payload + 8, end));
    if (own === 'gateway' && this.#tftp !== undefined && (to === 69 || to >= 49152)) {
      const path = reversed(packet);
      const peer = {
        guest: this.#guestOf(path.targetMac),
        address: path.target,
        port: from,
        send: (port: number, bytes: Uint8Array) => void this.#writer.udp(path, port, from, bytes),
      };
      if (this.#tftp.input(peer, to, frame.slice(payload + 8, end))) return;
    }
    this.udp.input(packet);
  }

  #inputDns(packet: IpPacket, port: number, query: Uint8Array): void {
    const path = reversed(packet);
    this.#neighbours.learn(path.target, path.targetMac);
    this.dns.query(
      query,
      this.#guestOf(path.targetMac),
      (reply) => void this.#writer.udp(path, 53, port, reply),
    );
  }

  /** Addresses that were given out, by MAC; for display. */
  leaseOf(mac: Uint8Array): string | undefined {
    const address: IpAddress | undefined = this.dhcp.lease(mac);
    return address === undefined ? undefined : formatIp(address);
  }

  dispose(): void {
    this.forwards.close();
    this.tcp.dispose();
    this.udp.dispose();
    this.dns.dispose();
    this.#tftp?.dispose();
    this.timers.dispose();
  }
}
