/**
 * Who has which address: ARP (RFC 826) and neighbour discovery (RFC 4861) on both sides, and router
 * advertisements with prefix and name server (RFC 4861 §4.2, RFC 8106).
 */
import { bytesEqual, setU16, setU32, u16 } from '../packet/byteOrder.ts';
import { broadcastMac, ethernetHeader, etherType, type Mac } from '../packet/ethernet.ts';
import { formatIp, ip, type IpAddress } from '../packet/ipAddress.ts';
import type { IpPacket, IpPath } from '../packet/ipPacket.ts';
import type { FrameWriter } from './frameWriter.ts';
import { onLink, ownAddress, type UserAddresses } from './userAddresses.ts';

const message = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  solicitation: 135,
  advertisement: 136,
} as const;
const allNodes = ip('ff02::1');
const allNodesMac = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const mostNeighbours = 1024;
const mostWaiting = 64;
/** Seconds that a router advertisement holds (RFC 4861 §6.2.1). */
const routerLifetime = 1800;
const prefixLifetime = 86_400;

export class Neighbours {
  readonly #addresses: UserAddresses;
  readonly #writer: FrameWriter;
  readonly #known = new Map<string, Mac>();
  /** What waits for an address to be found; called once. */
  readonly #waiting = new Map<string, ((mac: Mac) => void)[]>();

  constructor(addresses: UserAddresses, writer: FrameWriter) {
    this.#addresses = addresses;
    this.#writer = writer;
  }

  learn(address: IpAddress, mac: Mac): void {
    if (((mac[0] as number) & 1) !== 0 || !onLink(this.#addresses, address)) return;
    if (ownAddress(this.#addresses, address) !== undefined) return;
    const key = formatIp(address);
    const known = this.#known.get(key);
    if (known === undefined || !bytesEqual(known, mac)) {
      if (this.#known.size >= mostNeighbours) this.#known.clear();
      this.#known.set(key, mac.slice());
    }
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    this.#waiting.delete(key);
    for (const found of waiting) found(mac.slice());
  }

  find(address: IpAddress): Mac | undefined {
    return this.#known.get(formatIp(address));
  }

  /** Calls `found` once the address's owner is known; asks for it. What is never answered is forgotten in time. */
  resolve(address: IpAddress, found: (mac: Mac) => void): void {
    const known = this.find(address);
    if (known !== undefined) return found(known);
    const key = formatIp(address);
    const waiting = this.#waiting.get(key) ?? [];
    if (waiting.length < mostWaiting) waiting.push(found);
    if (!this.#waiting.has(key) && this.#waiting.size >= mostWaiting) this.#waiting.clear();
    this.#waiting.set(key, waiting);
    this.ask(address);
  }

  ask(address: IpAddress): void {
    if (address.length === 4) this.#arp(1, broadcastMac, new Uint8Array(6), address);
    else this.#solicit(address);
  }

  // ARP

  #arp(operation: 1 | 2, to: Mac, targetMac: Mac, target: IpAddress, sender?: IpAddress): void {
    const { mac, gateway4 } = this.#addresses;
    const frame = new Uint8Array(ethernetHeader + 28);
    frame.set(to, 0);
    frame.set(mac, 6);
    setU16(frame, 12, etherType.arp);
    frame.set([0, 1, 8, 0, 6, 4, 0, operation], 14);
    frame.set(mac, 22);
    frame.set(sender ?? gateway4, 28);
    frame.set(targetMac, 32);
    frame.set(target, 38);
    this.#writer.raw(frame);
  }

  inputArp(frame: Uint8Array): void {
    if (frame.length < ethernetHeader + 28) return;
    // Ethernet and IPv4 only.
    if (u16(frame, 14) !== 1 || u16(frame, 16) !== etherType.ipv4 || u16(frame, 18) !== 0x0604)
      return;
    const senderMac = frame.slice(22, 28);
    const sender = frame.slice(28, 32);
    const target = frame.slice(38, 42);
    if (sender.some((byte) => byte !== 0)) this.learn(sender, senderMac);
    if (u16(frame, 20) !== 1 || ownAddress(this.#addresses, target) === undefined) return;
    this.#arp(2, senderMac, senderMac, sender, target);
  }

  // Neighbour discovery

  #path(target: IpAddress, targetMac: Mac, source: IpAddress): IpPath {
    return { sourceMac: this.#addresses.mac, targetMac, source, target };
  }

  /** An ICMPv6 message of types 133 to 136; true if it was one. */
  inputNd(packet: IpPacket): boolean {
    const { frame, payload, end } = packet;
    const type = frame[payload] as number;
    if (type < message.routerSolicitation || type > 137) return false;
    // §7.1: comes from the link itself.
    if (packet.hopLimit !== 255 || (frame[payload + 1] as number) !== 0) return true;
    const sourceMac = frame.slice(6, 12);
    const unspecified = packet.source.every((byte) => byte === 0);
    if (type === message.routerSolicitation) {
      this.advertiseRouter();
    } else if (type === message.solicitation && end - payload >= 24) {
      const target = frame.slice(payload + 8, payload + 24);
      if (!unspecified) this.learn(packet.source.slice(), sourceMac);
      if (ownAddress(this.#addresses, target) === undefined) return true;
      this.#advertise(
        target,
        unspecified ? allNodes : packet.source.slice(),
        unspecified ? allNodesMac : sourceMac,
      );
    } else if (type === message.advertisement && end - payload >= 24) {
      this.learn(
        frame.slice(payload + 8, payload + 24),
        this.#linkLayerOption(packet, 24) ?? sourceMac,
      );
    }
    return true;
  }

  #linkLayerOption({ frame, payload, end }: IpPacket, from: number): Mac | undefined {
    for (let at = payload + from; at + 8 <= end;) {
      const length = (frame[at + 1] as number) * 8;
      if (length === 0 || at + length > end) return undefined;
      if (frame[at] === 2) return frame.slice(at + 2, at + 8);
      at += length;
    }
    return undefined;
  }

  #advertise(target: IpAddress, to: IpAddress, toMac: Mac): void {
    const body = new Uint8Array(32);
    body[0] = message.advertisement;
    // Router, override; solicited where it was.
    body[4] = 0x80 | 0x20 | (to[0] === 0xff ? 0 : 0x40);
    body.set(target, 8);
    body.set([2, 1], 24);
    body.set(this.#addresses.mac, 26);
    this.#writer.icmp(this.#path(to, toMac, target), body, 255);
  }

  #solicit(target: IpAddress): void {
    const body = new Uint8Array(32);
    body[0] = message.solicitation;
    body.set(target, 8);
    body.set([1, 1], 24);
    body.set(this.#addresses.mac, 26);
    // The solicited-node multicast address, RFC 4291 §2.7.1.
    const group = ip('ff02::1:ff00:0');
    group.set(target.subarray(13), 13);
    const mac = Uint8Array.of(0x33, 0x33, 0xff, ...target.subarray(13));
    const source = target[0] === 0xfe ? this.#addresses.gatewayLinkLocal : this.#addresses.gateway6;
    this.#writer.icmp(this.#path(group, mac, source), body, 255);
  }

  advertiseRouter(): void {
    const { mac, prefix6, dns6, gatewayLinkLocal, isolated = false } = this.#addresses;
    // Of a router that is none for anything but the prefix (RFC 4861 §4.2).
    const lifetime = isolated ? 0 : routerLifetime;
    const body = new Uint8Array(16 + 8 + 8 + 32 + 24);
    body[0] = message.routerAdvertisement;
    body[4] = 64;
    setU16(body, 6, lifetime);
    // Source link-layer address, MTU, prefix (on-link, autonomous), recursive DNS server.
    body.set([1, 1, ...mac], 16);
    body.set([5, 1], 24);
    setU32(body, 28, 1500);
    body.set([3, 4, 64, 0xc0], 32);
    setU32(body, 36, prefixLifetime);
    setU32(body, 40, prefixLifetime / 2);
    body.set(prefix6, 48);
    body.set([25, 3], 64);
    setU32(body, 68, lifetime);
    body.set(dns6, 72);
    this.#writer.icmp(this.#path(allNodes, allNodesMac, gatewayLinkLocal), body, 255);
  }
}
