/**
 * LZ4 legacy frames (lz4_Frame_format.md "Legacy frame", lz4_Block_format.md), as `lz4 -l` makes
 * them and Linux uses them: independent blocks of 8 MiB, no checksums.
 */
const MAGIC = 0x184c2102;
const BLOCK = 8 << 20;

export class Lz4Error extends Error {
  override name = 'Lz4Error';
}

export function lz4LegacyDecompress(input: Uint8Array): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (input.length < 4 || view.getUint32(0, true) !== MAGIC)
    throw new Lz4Error('not a legacy LZ4 frame');
  const blocks: Uint8Array[] = [];
  let at = 4;
  while (at + 4 <= input.length) {
    const size = view.getUint32(at, true);
    at += 4;
    // Frames may follow each other.
    if (size === MAGIC) continue;
    if (size === 0 || at + size > input.length) throw new Lz4Error('a block is cut off');
    blocks.push(decompressBlock(input.subarray(at, at + size)));
    at += size;
  }
  const whole = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let done = 0;
  for (const block of blocks) {
    whole.set(block, done);
    done += block.length;
  }
  return whole;
}

function decompressBlock(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(BLOCK);
  let from = 0;
  let to = 0;
  const extend = (length: number): number => {
    if (length !== 15) return length;
    for (;;) {
      const byte = input[from++];
      if (byte === undefined) throw new Lz4Error('a length is cut off');
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (from < input.length) {
    const token = input[from++] as number;
    const literals = extend(token >> 4);
    if (from + literals > input.length || to + literals > BLOCK)
      throw new Lz4Error('literals exceed the block');
    // For the usual few bytes a loop beats a call.
    if (literals > 32) {
      output.set(input.subarray(from, from + literals), to);
      from += literals;
      to += literals;
    } else {
      for (let i = 0; i < literals; i++) output[to++] = input[from++] as number;
    }
    if (from === input.length) break;
    const distance = (input[from] as number) | ((input[from + 1] ?? 0) << 8);
    from += 2;
    const match = extend(token & 15) + 4;
    if (distance === 0 || distance > to || to + match > BLOCK)
      throw new Lz4Error('a match lies outside the block');
    if (match > 32 && distance >= match) {
      output.copyWithin(to, to - distance, to - distance + match);
      to += match;
    } else {
      for (let i = 0; i < match; i++, to++) output[to] = output[to - distance] as number;
    }
  }
  return output.subarray(0, to);
}
