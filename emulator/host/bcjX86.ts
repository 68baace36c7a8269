/**
 * The x86 branch filter of xz, decoding (xz file format 1.1.0 §5.3.2): operands of CALL and JMP were
 * made absolute by the encoder and become relative again, in place. An operand is taken for an
 * address if its top byte is 0x00 or 0xff; a history of recent opcode bytes keeps the two sides in step.
 */
const isTopByte = (byte: number | undefined): boolean => byte === 0x00 || byte === 0xff;

/** By the last three bytes' opcode bits: whether a conversion may start here, and which byte decides. */
const mayConvert = [true, true, true, false, true, false, false, false] as const;
const decidingByte = [0, 1, 2, 2, 3, 3, 3, 3] as const;

export function decodeBcjX86(data: Uint8Array): void {
  let history = 0;
  let last = -1;
  const end = data.length - 4;
  for (let at = 0; at < end; at++) {
    if (((data[at] as number) & 0xfe) !== 0xe8) continue;
    const gap = at - last;
    last = at;
    if (gap > 3) {
      history = 0;
    } else {
      history = (history << (gap - 1)) & 7;
      if (history !== 0) {
        const suspect = data[at + 4 - (decidingByte[history] as number)];
        if (!mayConvert[history] || isTopByte(suspect)) {
          history = (history << 1) | 1;
          continue;
        }
      }
    }
    if (!isTopByte(data[at + 4])) {
      history = (history << 1) | 1;
      continue;
    }
    let absolute = readU32(data, at + 1);
    let relative: number;
    for (;;) {
      relative = (absolute - (at + 5)) >>> 0;
      if (history === 0) break;
      const shift = (decidingByte[history] as number) * 8;
      if (!isTopByte((relative >>> (24 - shift)) & 0xff)) break;
      absolute = (relative ^ (2 ** (32 - shift) - 1)) >>> 0;
    }
    // The top byte is sign extension of bit 24.
    relative = relative & 0x01000000 ? relative | 0xff000000 : relative & 0x00ffffff;
    data[at + 1] = relative & 0xff;
    data[at + 2] = (relative >>> 8) & 0xff;
    data[at + 3] = (relative >>> 16) & 0xff;
    data[at + 4] = relative >>> 24;
    at += 4;
    history = 0;
  }
}

const readU32 = (data: Uint8Array, at: number): number =>
  (((data[at + 3] as number) << 24) |
    ((data[at + 2] as number) << 16) |
    ((data[at + 1] as number) << 8) |
    (data[at] as number)) >>>
  0;
