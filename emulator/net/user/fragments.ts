/** Fragments of IP packets: writing them, and putting a guest's together again (RFC 791 §3.2, RFC 8200 §4.5). */
import { setU16 } from '../packet/byteOrder.ts';
import { checksumOf, sumBytes } from '../packet/checksum.ts';
import { ethernetHeader } from '../packet/ethernet.ts';
import { formatIp } from '../packet/ipAddress.ts';
import { headersLength, type IpPacket, writeHeaders } from '../packet/ipPacket.ts';

/** Turns the IPv4 header in a frame into that of a fragment. */
export function setFragment4(frame: Uint8Array, id: number, offset: number, more: boolean): void {
  const at = ethernetHeader;
  setU16(frame, at + 4, id);
  setU16(frame, at + 6, (offset >> 3) | (more ? 0x2000 : 0));
  setU16(frame, at + 10, 0);
  setU16(frame, at + 10, checksumOf(sumBytes(frame, at, at + 20)));
}

interface PartialPacket {
  readonly bytes: Uint8Array;
  readonly filled: Uint8Array;
  units: number;
  /** Length when the last fragment is there; -1 before. */
  length: number;
  readonly bornMs: number;
}

const mostPartials = 16;
const lifetimeMs = 15_000;
const longestPayload = 0x1_0000 - 64;

export class FragmentAssembler {
  readonly #partials = new Map<string, PartialPacket>();

  get pending(): number {
    return this.#partials.size;
  }

  /** The whole packet as a frame once its last piece is there. Overlapping pieces are first come, first kept. */
  add(packet: IpPacket, nowMs: number): Uint8Array | undefined {
    const { frame, payload, end, fragmentOffset, moreFragments } = packet;
    const length = end - payload;
    if (fragmentOffset + length > longestPayload || length === 0) return undefined;
    if (moreFragments && length % 8 !== 0) return undefined;
    const key = `${formatIp(packet.source)} ${formatIp(packet.target)} ${packet.protocol} ${packet.fragmentId}`;
    for (const [name, { bornMs }] of this.#partials)
      if (
        nowMs - bornMs > lifetimeMs ||
        (this.#partials.size >= mostPartials && !this.#partials.has(key))
      )
        this.#partials.delete(name);
    const partial: PartialPacket = this.#partials.get(key) ?? {
      bytes: new Uint8Array(longestPayload),
      filled: new Uint8Array(longestPayload / 8),
      units: 0,
      length: -1,
      bornMs: nowMs,
    };
    this.#partials.set(key, partial);
    for (let at = 0; at < length; at += 8) {
      const unit = (fragmentOffset + at) >> 3;
      if (partial.filled[unit] === 1) continue;
      partial.filled[unit] = 1;
      partial.units++;
      partial.bytes.set(frame.subarray(payload + at, Math.min(end, payload + at + 8)), unit * 8);
    }
    if (!moreFragments) partial.length = fragmentOffset + length;
    if (partial.length < 0 || partial.units * 8 < partial.length) return undefined;
    this.#partials.delete(key);
    const path = {
      sourceMac: frame.slice(6, 12),
      targetMac: frame.slice(0, 6),
      source: packet.source,
      target: packet.target,
    };
    const whole = new Uint8Array(headersLength(path) + partial.length);
    writeHeaders(whole, path, packet.protocol, partial.length);
    whole.set(partial.bytes.subarray(0, partial.length), headersLength(path));
    return whole;
  }
}
