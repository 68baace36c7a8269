/** Compressed files as tools write them that are not on every host, of pieces that can be unpacked by themselves. */
import { execFileSync } from 'node:child_process';
import zlib from 'node:zlib';

/** What a program writes that is given bytes. */
export function piped(program: string, args: readonly string[], input: Uint8Array): Buffer {
  return execFileSync(program, args, {
    ...{ input, maxBuffer: 64 << 20 },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

const pieces = (content: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(content.length / size) }, (_, i) =>
    content.subarray(i * size, (i + 1) * size),
  );

export const zstdFrame = (content: Uint8Array): Buffer =>
  piped('zstd', ['-q', '-c', `--stream-size=${content.length}`], content);

/** With a frame before each that holds nothing, as pzstd writes them. */
export function asFrames(content: Buffer, size: number): Buffer {
  const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  return Buffer.concat(pieces(content, size).flatMap((piece) => [skipped, zstdFrame(piece)]));
}

/** "Zstandard Seekable Format" 0.1.0; its frames need not say how long their content is. */
export function withSeekTable(content: Buffer, size: number): Buffer {
  const parts = pieces(content, size);
  const frames = parts.map((piece) => piped('zstd', ['-q', '-c', '--no-content-size'], piece));
  const table = Buffer.alloc(8 + 8 * frames.length + 9);
  table.writeUInt32LE(0x184d2a5e, 0);
  table.writeUInt32LE(table.length - 8, 4);
  for (const [i, frame] of frames.entries()) {
    table.writeUInt32LE(frame.length, 8 + 8 * i);
    table.writeUInt32LE(parts[i]!.length, 12 + 8 * i);
  }
  table.writeUInt32LE(frames.length, table.length - 9);
  table.writeUInt32LE(0x8f92eab1, table.length - 4);
  return Buffer.concat([...frames, table]);
}

/** SAM 1.6 §4.1; an empty member is its end. */
export function asBgzf(content: Buffer, size: number): Buffer {
  const members = [...pieces(content, size), Buffer.alloc(0)].map((piece) => {
    const data = zlib.deflateRawSync(piece);
    const member = Buffer.alloc(18 + data.length + 8);
    member.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 6, 0, 0x42, 0x43, 2, 0]);
    member.writeUInt16LE(member.length - 1, 16);
    member.set(data, 18);
    member.writeUInt32LE(zlib.crc32(piece), member.length - 8);
    member.writeUInt32LE(piece.length, member.length - 4);
    return member;
  });
  return Buffer.concat(members);
}
