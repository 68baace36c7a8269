/** Does in software what a frame leaves to do: checksums, and cutting TCP payload into segments. */
import { plainFrame, type Frame } from '../../backends/network.ts';
import { setU16, setU32, u16, u32 } from './byteOrder.ts';
import { checksumOf, pseudoHeaderSum, sumBytes } from './checksum.ts';
import { ethernetHeader } from './ethernet.ts';
import { IpPacket, protocol } from './ipPacket.ts';

/** Calls `emit` for every complete frame that `frame` stands for; nothing for one that makes no sense. */
export function completeFrames(frame: Frame, emit: (frame: Frame) => void): void {
  if (frame.segmentSize > 0) cut(frame, emit);
  else if (frame.checksumStart > 0) {
    const bytes = frame.bytes.slice();
    if (fillChecksum(bytes, frame.checksumStart, frame.checksumOffset)) emit(plainFrame(bytes));
  } else emit(frame);
}

/** False if the fields lie outside of the frame. */
export function fillChecksum(bytes: Uint8Array, start: number, offset: number): boolean {
  const field = start + offset;
  if (field + 2 > bytes.length || start < ethernetHeader) return false;
  // The field holds the pseudo header's sum and is part of what is summed.
  const sum = checksumOf(sumBytes(bytes, start, bytes.length));
  // A UDP checksum of 0 would mean none (RFC 768).
  setU16(bytes, field, sum === 0 && offset === 6 ? 0xffff : sum);
  return true;
}

const packet = new IpPacket();
/** Where pieces are put together, one after another; absent while somebody does. */
let spare: Uint8Array | undefined;

function cut(frame: Frame, emit: (frame: Frame) => void): void {
  const { bytes, segmentSize } = frame;
  if (!packet.parse(bytes) || packet.protocol !== protocol.tcp || packet.isFragment) return;
  const { payload: tcp, end, start, version } = packet;
  if (end - tcp < 20) return;
  const header = ((bytes[tcp + 12] as number) >> 4) * 4;
  const data = tcp + header;
  if (header < 20 || data > end) return;
  const flags = bytes[tcp + 13] as number;
  const sequence = u32(bytes, tcp + 4);
  const id = version === 4 ? u16(bytes, start + 4) : 0;
  const addresses = pseudoHeaderSum(packet.source, packet.target, protocol.tcp, 0);
  const longest = data + Math.min(segmentSize, end - data);
  const buffer = spare !== undefined && spare.length >= longest ? spare : new Uint8Array(longest);
  spare = undefined;
  buffer.set(bytes.subarray(0, data));
  let index = 0;
  for (let at = data; at < end || index === 0; at += segmentSize, index++) {
    const length = Math.min(segmentSize, end - at);
    const piece = buffer.subarray(0, data + length);
    piece.set(bytes.subarray(at, at + length), data);
    if (version === 4) {
      setU16(piece, start + 2, data + length - start);
      setU16(piece, start + 4, id + index);
      setU16(piece, start + 10, 0);
      setU16(piece, start + 10, checksumOf(sumBytes(piece, start, tcp)));
    } else setU16(piece, start + 4, data + length - start - 40);
    setU32(piece, tcp + 4, sequence + (at - data));
    // FIN and PSH belong to the last piece (CWR, which would belong to the first, we never negotiate).
    piece[tcp + 13] = at + length < end ? flags & ~0x09 : flags;
    setU16(piece, tcp + 16, 0);
    const pseudo = addresses + header + length;
    setU16(piece, tcp + 16, checksumOf(sumBytes(piece, tcp, data + length, pseudo)));
    emit(plainFrame(piece));
  }
  spare = buffer;
}
