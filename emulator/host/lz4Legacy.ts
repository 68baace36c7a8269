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

/** Where the bytes that extend a length, from `at` on, end: all but the last are 255. */
function lengthEnd(input: Uint8Array, at: number): number {
  while (input[at] === 255) at++;
  if (at >= input.length) throw new Lz4Error('a length is cut off');
  return at + 1;
}

/**
 * No closure may change `from` or `to`: V8 14 (Node 26.10) keeps such variables in context cells, and code of theirs from
 * the compile cache goes wrong when it is optimised within a long match's loop.
 */
function decompressBlock(input: Uint8Array): Uint8Array {
  const output = new Uint8Array(BLOCK);
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const token = input[from++] as number;
    let literals = token >> 4;
    if (literals === 15) {
      const end = lengthEnd(input, from);
      literals += (end - 1 - from) * 255 + (input[end - 1] as number);
      from = end;
    }
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
    let match = (token & 15) + 4;
    if (match === 19) {
      const end = lengthEnd(input, from);
      match += (end - 1 - from) * 255 + (input[end - 1] as number);
      from = end;
    }
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
