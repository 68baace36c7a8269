/** Which format a file has, by its content. */
import type { ImageFormat } from './blockImage.ts';
import type { ImageFile } from './imageFile.ts';

/** The bytes that `signatureOf` looks at. */
export const signatureSpan = 0x48;

type Signature = readonly [offset: number, bytes: string, format: ImageFormat];
const signatures: readonly Signature[] = [
  [0, 'QFI\xfb', 'qcow2'],
  [0, 'KDMV', 'vmdk'],
  [0, 'COWD', 'vmdk'],
  [0, '# Disk DescriptorFile', 'vmdk'],
  [0, 'vhdxfile', 'vhdx'],
  [0, 'conectix', 'vhd'],
  [0x40, '\x7f\x10\xda\xbe', 'vdi'],
];

const has = (bytes: Uint8Array, offset: number, text: string): boolean =>
  [...text].every((c, i) => bytes[offset + i] === c.charCodeAt(0));

export function signatureOf(start: Uint8Array): ImageFormat | undefined {
  return signatures.find(([offset, text]) => has(start, offset, text))?.[2];
}

export type Compression = 'gzip' | 'xz' | 'zstd';

const compressions: readonly (readonly [bytes: string, Compression])[] = [
  ['\x1f\x8b\x08', 'gzip'],
  ['\xfd7zXZ\0', 'xz'],
  ['\x28\xb5\x2f\xfd', 'zstd'],
  // A frame to be skipped, with which pzstd begins (RFC 8878 §3.1.2).
  ['\x50\x2a\x4d\x18', 'zstd'],
];

/** How a file is compressed that begins so. */
export function compressionOf(start: Uint8Array): Compression | undefined {
  return compressions.find(([text]) => has(start, 0, text))?.[1];
}

/** 'raw' if the content is none of the others. */
export async function detectFormat(file: ImageFile): Promise<ImageFormat> {
  const start = new Uint8Array(signatureSpan);
  await file.read(0, [start]);
  const format = signatureOf(start);
  if (format !== undefined) return format;
  // A fixed VHD has no header, but a footer in its last 512 bytes; before 2004 it had 511.
  if (file.size >= 1024) {
    const footer = new Uint8Array(512);
    await file.read(file.size - 512, [footer]);
    if (has(footer, 0, 'conectix') || has(footer, 1, 'conectix')) return 'vhd';
  }
  return 'raw';
}
