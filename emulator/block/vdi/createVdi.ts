/** New VDI images: dynamic, fixed and differencing. */
import type { ImageFile } from '../imageFile.ts';
import { field, headerBytes, MiB, signature, UNALLOCATED, version } from './vdiHeader.ts';

export interface NewVdi {
  readonly size: number;
  readonly fixed?: boolean | undefined;
  /** UUID of the image that this one builds on. */
  readonly parentUuid?: string | undefined;
  readonly blockSize?: number | undefined;
  random(bytes: number): Uint8Array;
}

export async function createVdi(file: ImageFile, options: NewVdi): Promise<void> {
  const { size, fixed = false, parentUuid, blockSize = MiB, random } = options;
  const blocks = Math.ceil(size / blockSize);
  const dataOffset = Math.ceil((headerBytes + blocks * 4) / MiB) * MiB;
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
  bytes.set(new TextEncoder().encode('<<< Guesthouse VDI image >>>\n'));
  u32(field.signature, signature);
  u32(field.version, version);
  u32(field.headerSize, 0x190);
  u32(field.type, fixed ? 2 : parentUuid === undefined ? 1 : 4);
  u32(field.mapOffset, headerBytes);
  u32(field.dataOffset, dataOffset);
  u32(field.sectorSize, 512);
  view.setBigUint64(field.diskSize, BigInt(size), true);
  u32(field.blockSize, blockSize);
  u32(field.blocks, blocks);
  u32(field.allocated, fixed ? blocks : 0);
  bytes.set(newUuid(random), field.uuid);
  bytes.set(newUuid(random), field.uuid + 16); // of the last change
  if (parentUuid !== undefined)
    bytes.set(
      (parentUuid.match(/../g) ?? []).map((digits) => parseInt(digits, 16)),
      field.parentUuid,
    );
  const map = new Uint8Array(dataOffset - headerBytes);
  const entries = new DataView(map.buffer);
  for (let i = 0; i < blocks; i++) entries.setUint32(i * 4, fixed ? i : UNALLOCATED, true);
  await file.write(headerBytes, [map]);
  if (fixed) await file.resize(dataOffset + blocks * blockSize);
  await file.flush();
  await file.write(0, [bytes]);
  await file.flush();
}

/** A random UUID (RFC 4122, version 4). */
function newUuid(random: NewVdi['random']): Uint8Array {
  const uuid = random(16);
  uuid[7] = ((uuid[7] as number) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] as number) & 0x3f) | 0x80;
  return uuid;
}
