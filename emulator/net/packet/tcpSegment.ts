/** TCP header and the options of SYNs and acknowledgements (RFC 9293 §3.1, RFC 7323 §2, RFC 2018). */
import { setU16, setU32, u16, u32 } from './byteOrder.ts';

export const tcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;
export const tcpHeader = 20;

/** A received segment: one mutable view for segment after segment. */
export class TcpSegment {
  frame: Uint8Array = new Uint8Array(0);
  sourcePort = 0;
  targetPort = 0;
  sequence = 0;
  acknowledgement = 0;
  flags = 0;
  /** As it stands in the header, not scaled. */
  window = 0;
  /** The payload's place in the frame. */
  start = 0;
  end = 0;
  /** 0 if the option is absent. */
  maxSegment = 0;
  /** -1 if the option is absent. */
  windowScale = -1;
  sackPermitted = false;
  /** Pairs of sequence numbers, `sackCount` of them. */
  readonly sack = new Uint32Array(8);
  sackCount = 0;

  /** The TCP header at `start` of the frame's bytes up to `end`; false if it is malformed. */
  parse(frame: Uint8Array, start: number, end: number): boolean {
    if (end - start < tcpHeader) return false;
    const header = ((frame[start + 12] as number) >> 4) * 4;
    if (header < tcpHeader || start + header > end) return false;
    this.frame = frame;
    this.sourcePort = u16(frame, start);
    this.targetPort = u16(frame, start + 2);
    this.sequence = u32(frame, start + 4);
    this.acknowledgement = u32(frame, start + 8);
    this.flags = (frame[start + 13] as number) & 0x3f;
    this.window = u16(frame, start + 14);
    this.start = start + header;
    this.end = end;
    this.maxSegment = 0;
    this.windowScale = -1;
    this.sackPermitted = false;
    this.sackCount = 0;
    if (header > tcpHeader) this.#parseOptions(frame, start + tcpHeader, start + header);
    return true;
  }

  #parseOptions(frame: Uint8Array, from: number, end: number): void {
    for (let at = from; at < end;) {
      const kind = frame[at] as number;
      if (kind === 0) return;
      if (kind === 1) {
        at++;
        continue;
      }
      const length = at + 1 < end ? (frame[at + 1] as number) : 0;
      if (length < 2 || at + length > end) return;
      if (kind === 2 && length === 4) this.maxSegment = u16(frame, at + 2);
      else if (kind === 3 && length === 3) this.windowScale = Math.min(14, frame[at + 2] as number);
      else if (kind === 4 && length === 2) this.sackPermitted = true;
      else if (kind === 5) {
        for (let block = at + 2; block + 8 <= at + length && this.sackCount < 4; block += 8) {
          this.sack[2 * this.sackCount] = u32(frame, block);
          this.sack[2 * this.sackCount + 1] = u32(frame, block + 4);
          this.sackCount++;
        }
      }
      at += length;
    }
  }

  get length(): number {
    return this.end - this.start;
  }
  get syn(): boolean {
    return (this.flags & tcpFlag.syn) !== 0;
  }
  get fin(): boolean {
    return (this.flags & tcpFlag.fin) !== 0;
  }
  get rst(): boolean {
    return (this.flags & tcpFlag.rst) !== 0;
  }
  get ack(): boolean {
    return (this.flags & tcpFlag.ack) !== 0;
  }
}

/** Signed distance from `b` to `a` in sequence space. */
export const seqDiff = (a: number, b: number): number => (a - b) | 0;
export const seqAdd = (a: number, n: number): number => (a + n) >>> 0;

export interface TcpFields {
  readonly sourcePort: number;
  readonly targetPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  /** As it goes into the header. */
  readonly window: number;
}

/** Writes a header; `optionsLength` bytes of options, a multiple of 4, are in place behind it. */
export function writeTcpHeader(
  frame: Uint8Array,
  at: number,
  fields: TcpFields,
  optionsLength: number,
): void {
  setU16(frame, at, fields.sourcePort);
  setU16(frame, at + 2, fields.targetPort);
  setU32(frame, at + 4, fields.sequence);
  setU32(frame, at + 8, fields.acknowledgement);
  frame[at + 12] = ((tcpHeader + optionsLength) / 4) << 4;
  frame[at + 13] = fields.flags;
  setU16(frame, at + 14, fields.window);
  setU32(frame, at + 16, 0);
}

/** Options of a SYN; returns their length. */
export function writeSynOptions(
  frame: Uint8Array,
  at: number,
  options: { readonly maxSegment: number; readonly windowScale: number; readonly sack: boolean },
): number {
  let end = at;
  const put = (...bytes: number[]): void => {
    frame.set(bytes, end);
    end += bytes.length;
  };
  put(2, 4, options.maxSegment >> 8, options.maxSegment & 255);
  if (options.sack) put(1, 1, 4, 2);
  if (options.windowScale >= 0) put(1, 3, 3, options.windowScale);
  return end - at;
}

/** A SACK option of up to four blocks [start, end); returns its length. */
export function writeSackOption(
  frame: Uint8Array,
  at: number,
  blocks: readonly (readonly [number, number])[],
): number {
  const count = Math.min(4, blocks.length);
  if (count === 0) return 0;
  frame.set([1, 1, 5, 2 + 8 * count], at);
  for (let i = 0; i < count; i++) {
    const [start, end] = blocks[i] as readonly [number, number];
    setU32(frame, at + 4 + 8 * i, start);
    setU32(frame, at + 8 + 8 * i, end);
  }
  return 4 + 8 * count;
}
