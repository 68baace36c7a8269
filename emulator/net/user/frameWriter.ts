/** Builds the frames that a user-mode network sends, in one buffer. */
import type { Frame } from '../../backends/network.ts';
import { setU16, setU32, u16 } from '../packet/byteOrder.ts';
import { checksumOf, pseudoHeaderSum, sumBytes } from '../packet/checksum.ts';
import { ethernetHeader, mtu } from '../packet/ethernet.ts';
import {
  headersLength,
  ipHeaderLength,
  protocol,
  writeHeaders,
  type IpPath,
} from '../packet/ipPacket.ts';
import { setFragment4 } from './fragments.ts';
import {
  tcpHeader,
  writeSackOption,
  writeSynOptions,
  writeTcpHeader,
  tcpFlag,
} from '../packet/tcpSegment.ts';
import { ownWindowScale, type OutgoingSegment } from '../tcp/tcpContract.ts';

const longest = ethernetHeader + 0x1_0000 + 128;

class OutgoingFrame implements Frame {
  bytes = new Uint8Array(0);
  checksumStart = 0;
  checksumOffset = 0;
  segmentSize = 0;
}

export class FrameWriter {
  readonly #scratch = new Uint8Array(longest);
  readonly #frame = new OutgoingFrame();
  readonly #send: (frame: Frame) => boolean;
  #fragmentId = 1;

  /** `send` returns false if there is no room. */
  constructor(send: (frame: Frame) => boolean) {
    this.#send = send;
  }

  /** A complete frame of `length` bytes in the buffer. */
  #emit(length: number): boolean {
    const frame = this.#frame;
    frame.bytes = this.#scratch.subarray(0, length);
    frame.checksumStart = frame.checksumOffset = frame.segmentSize = 0;
    return this.#send(frame);
  }

  raw(bytes: Uint8Array): boolean {
    this.#scratch.set(bytes);
    return this.#emit(bytes.length);
  }

  udp(path: IpPath, sourcePort: number, targetPort: number, payload: Uint8Array): boolean {
    const frame = this.#scratch;
    const at = headersLength(path);
    const length = 8 + payload.length;
    if (length > 0xffff - 40) return false;
    setU16(frame, at, sourcePort);
    setU16(frame, at + 2, targetPort);
    setU16(frame, at + 4, length);
    setU16(frame, at + 6, 0);
    frame.set(payload, at + 8);
    const pseudo = pseudoHeaderSum(path.source, path.target, protocol.udp, length);
    const sum = checksumOf(sumBytes(frame, at, at + length, pseudo));
    setU16(frame, at + 6, sum === 0 ? 0xffff : sum);
    return this.#ip(path, protocol.udp, length, 64);
  }

  /** An ICMP or ICMPv6 message, whose checksum field is filled in here. */
  icmp(path: IpPath, message: Uint8Array, hopLimit = 64): boolean {
    const frame = this.#scratch;
    const at = headersLength(path);
    const v6 = path.source.length === 16;
    frame.set(message, at);
    setU16(frame, at + 2, 0);
    const pseudo = v6
      ? pseudoHeaderSum(path.source, path.target, protocol.icmpv6, message.length)
      : 0;
    setU16(frame, at + 2, checksumOf(sumBytes(frame, at, at + message.length, pseudo)));
    return this.#ip(path, v6 ? protocol.icmpv6 : protocol.icmp, message.length, hopLimit);
  }

  /** The IP payload is in its place; cuts it into fragments if it is too long. */
  #ip(path: IpPath, next: number, length: number, hopLimit: number): boolean {
    const header = ipHeaderLength(path.source);
    if (header + length <= mtu) {
      writeHeaders(this.#scratch, path, next, length, hopLimit);
      return this.#emit(ethernetHeader + header + length);
    }
    const at = headersLength(path);
    const whole = this.#scratch.slice(at, at + length);
    const v6 = header === 40;
    const room = (mtu - header - (v6 ? 8 : 0)) & ~7;
    const id = this.#fragmentId++;
    for (let offset = 0; offset < length; offset += room) {
      const size = Math.min(room, length - offset);
      const more = offset + size < length;
      const data = at + (v6 ? 8 : 0);
      this.#scratch.set(whole.subarray(offset, offset + size), data);
      writeHeaders(this.#scratch, path, v6 ? 44 : next, size + (v6 ? 8 : 0), hopLimit);
      if (v6) {
        this.#scratch[at] = next;
        this.#scratch[at + 1] = 0;
        setU16(this.#scratch, at + 2, offset | (more ? 1 : 0));
        setU32(this.#scratch, at + 4, id);
      } else setFragment4(this.#scratch, id, offset, more);
      if (!this.#emit(data + size)) return false;
    }
    return true;
  }

  /** A connection's segment, its checksum and cutting left to whoever needs it done. */
  tcp({ connection, sequence, flags, window, offset, length }: OutgoingSegment): boolean {
    const { path, sender } = connection;
    const frame = this.#scratch;
    const at = headersLength(path);
    const options = at + tcpHeader;
    const syn = (flags & tcpFlag.syn) !== 0;
    const answering = (flags & tcpFlag.ack) !== 0;
    const optionsLength = syn
      ? writeSynOptions(frame, options, {
          maxSegment: connection.maxSegmentOption,
          windowScale: answering && !connection.scaling ? -1 : ownWindowScale,
          sack: !answering || sender.sackEnabled,
        })
      : sender.sackEnabled && connection.receiver.reassembly.reports && (flags & tcpFlag.rst) === 0
        ? writeSackOption(frame, options, connection.receiver.reassembly.report())
        : 0;
    const data = options + optionsLength;
    if (length > 0) sender.queue.copyTo(offset, frame.subarray(data, data + length));
    writeTcpHeader(
      frame,
      at,
      {
        sourcePort: connection.localPort,
        targetPort: connection.guestPort,
        sequence,
        acknowledgement: answering ? connection.receiver.next : 0,
        flags,
        window,
      },
      optionsLength,
    );
    const segment = tcpHeader + optionsLength + length;
    // Options make a full segment longer than it may be: the pieces are smaller then.
    return this.#emitTcp(
      path,
      at,
      segment,
      length,
      sender.maxSegment - optionsLength * (syn ? 0 : 1),
    );
  }

  /** A reset that answers a segment without a connection (RFC 9293 §3.10.7.1). */
  tcpReset(
    path: IpPath,
    ports: { readonly source: number; readonly target: number },
    numbers: {
      readonly sequence: number;
      readonly acknowledgement: number;
      readonly flags: number;
    },
  ): boolean {
    const at = headersLength(path);
    const fields = { sourcePort: ports.source, targetPort: ports.target, window: 0, ...numbers };
    writeTcpHeader(this.#scratch, at, fields, 0);
    return this.#emitTcp(path, at, tcpHeader, 0, 0);
  }

  #emitTcp(path: IpPath, at: number, segment: number, payload: number, pieces: number): boolean {
    const scratch = this.#scratch;
    writeHeaders(scratch, path, protocol.tcp, segment);
    setU16(scratch, at + 16, pseudoHeaderSum(path.source, path.target, protocol.tcp, segment));
    const frame = this.#frame;
    frame.bytes = scratch.subarray(0, at + segment);
    frame.checksumStart = at;
    frame.checksumOffset = 16;
    frame.segmentSize = payload > pieces ? pieces : 0;
    return this.#send(frame);
  }

  /** Tells the sender of a packet that it cannot be delivered (RFC 792, RFC 4443 §3.1). */
  unreachable(
    path: IpPath,
    original: Uint8Array,
    code: { readonly v4: number; readonly v6: number },
  ): void {
    const v6 = path.source.length === 16;
    const quoted = original.subarray(0, Math.min(original.length, v6 ? 1232 : 28 + 40));
    const message = new Uint8Array(8 + quoted.length);
    message[0] = v6 ? 1 : 3;
    message[1] = v6 ? code.v6 : code.v4;
    message.set(quoted, 8);
    this.icmp(path, message);
  }
}

/** Whether a UDP datagram's checksum is right, or absent as IPv4 allows. */
export function udpChecksumGood(
  frame: Uint8Array,
  at: number,
  end: number,
  source: Uint8Array,
  target: Uint8Array,
): boolean {
  if (u16(frame, at + 6) === 0) return source.length === 4;
  const pseudo = pseudoHeaderSum(source, target, protocol.udp, end - at);
  return sumBytes(frame, at, end, pseudo) === 0xffff;
}
