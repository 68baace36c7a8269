/**
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers in Ethernet frames. One mutable view is used for packet after
 * packet, so that reading one allocates nothing. IPv6 extension headers other than hop-by-hop,
 * destination options and fragment are not passed over.
 */
import { setU16, setU32, u16, u32 } from './byteOrder.ts';
import { checksumOf, sumBytes } from './checksum.ts';
import { etherType, ethernetHeader, etherTypeOf, type Mac } from './ethernet.ts';
import type { IpAddress } from './ipAddress.ts';

export const protocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** A packet in a frame; offsets are from the frame's start. */
export class IpPacket {
  frame: Uint8Array = new Uint8Array(0);
  version: 4 | 6 = 4;
  protocol = 0;
  hopLimit = 0;
  /** Of the IP header. */
  start = 0;
  /** Of the payload: the transport header. */
  payload = 0;
  /** End of the packet; the frame may be padded. */
  end = 0;
  /** Offset of the fragment in bytes, and whether more follow. */
  fragmentOffset = 0;
  moreFragments = false;
  fragmentId = 0;
  source: IpAddress = new Uint8Array(4);
  target: IpAddress = new Uint8Array(4);

  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffset > 0;
  }

  /** False if it is not a proper IP packet. */
  parse(frame: Uint8Array): boolean {
    this.frame = frame;
    this.start = ethernetHeader;
    if (frame.length < ethernetHeader) return false;
    const type = etherTypeOf(frame);
    if (type === etherType.ipv4) return this.#parse4(frame);
    return type === etherType.ipv6 && this.#parse6(frame);
  }

  #parse4(frame: Uint8Array): boolean {
    const at = ethernetHeader;
    if (frame.length < at + 20 || (frame[at] as number) >> 4 !== 4) return false;
    const header = ((frame[at] as number) & 15) * 4;
    const total = u16(frame, at + 2);
    if (header < 20 || total < header || at + total > frame.length) return false;
    if (sumBytes(frame, at, at + header) !== 0xffff) return false;
    this.version = 4;
    this.payload = at + header;
    this.end = at + total;
    this.protocol = frame[at + 9] as number;
    this.hopLimit = frame[at + 8] as number;
    const fragment = u16(frame, at + 6);
    this.fragmentOffset = (fragment & 0x1fff) * 8;
    this.moreFragments = (fragment & 0x2000) !== 0;
    this.fragmentId = u16(frame, at + 4);
    this.source = frame.subarray(at + 12, at + 16);
    this.target = frame.subarray(at + 16, at + 20);
    return true;
  }

  #parse6(frame: Uint8Array): boolean {
    const at = ethernetHeader;
    if (frame.length < at + 40 || (frame[at] as number) >> 4 !== 6) return false;
    this.version = 6;
    this.end = at + 40 + u16(frame, at + 4);
    if (this.end > frame.length) return false;
    this.hopLimit = frame[at + 7] as number;
    this.source = frame.subarray(at + 8, at + 24);
    this.target = frame.subarray(at + 24, at + 40);
    this.fragmentOffset = 0;
    this.moreFragments = false;
    let next = frame[at + 6] as number;
    let payload = at + 40;
    // Extension headers, §4: hop-by-hop, destination options, fragment.
    while (next === 0 || next === 60 || next === 44) {
      if (payload + 8 > this.end) return false;
      if (next === 44) {
        const field = u16(frame, payload + 2);
        this.fragmentOffset = field & 0xfff8;
        this.moreFragments = (field & 1) !== 0;
        this.fragmentId = u32(frame, payload + 4);
        next = frame[payload] as number;
        payload += 8;
        if (this.isFragment) break;
      } else {
        const length = ((frame[payload + 1] as number) + 1) * 8;
        next = frame[payload] as number;
        payload += length;
        if (payload > this.end) return false;
      }
    }
    this.protocol = next;
    this.payload = payload;
    return true;
  }
}

/** Who a packet goes to and whom it comes from. */
export interface IpPath {
  readonly sourceMac: Mac;
  readonly targetMac: Mac;
  readonly source: IpAddress;
  readonly target: IpAddress;
}

export const ipHeaderLength = (address: IpAddress): number => (address.length === 4 ? 20 : 40);

/** Bytes before the IP payload. */
export const headersLength = (path: IpPath): number => ethernetHeader + ipHeaderLength(path.source);

let identification = 0;

/** Writes Ethernet and IP header for `length` payload bytes, which follow at headersLength(path). */
export function writeHeaders(
  frame: Uint8Array,
  path: IpPath,
  next: number,
  length: number,
  hopLimit = 64,
): void {
  frame.set(path.targetMac, 0);
  frame.set(path.sourceMac, 6);
  const at = ethernetHeader;
  if (path.source.length === 4) {
    setU16(frame, 12, etherType.ipv4);
    setU16(frame, at, 0x4500);
    setU16(frame, at + 2, 20 + length);
    identification = (identification + 1) & 0xffff;
    setU16(frame, at + 4, identification);
    // TCP is never fragmented: the path is one cable.
    setU16(frame, at + 6, next === protocol.tcp ? 0x4000 : 0);
    frame[at + 8] = hopLimit;
    frame[at + 9] = next;
    setU16(frame, at + 10, 0);
    frame.set(path.source, at + 12);
    frame.set(path.target, at + 16);
    setU16(frame, at + 10, checksumOf(sumBytes(frame, at, at + 20)));
  } else {
    setU16(frame, 12, etherType.ipv6);
    setU32(frame, at, 0x60000000);
    setU16(frame, at + 4, length);
    frame[at + 6] = next;
    frame[at + 7] = hopLimit;
    frame.set(path.source, at + 8);
    frame.set(path.target, at + 24);
  }
}
