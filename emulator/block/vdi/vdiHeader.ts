/** The header of VDI images (VDI 1.1; VirtualBox, src/VBox/Storage/VDICore.h). All numbers are little-endian. */
import { BlockError } from '../../backends/block.ts';
import type { ImageFile } from '../imageFile.ts';

export const signature = 0xbeda107f;
export const version = 0x0001_0001;
export const headerBytes = 512;
export const field = {
  signature: 0x40,
  version: 0x44,
  headerSize: 0x48,
  type: 0x4c,
  mapOffset: 0x154,
  dataOffset: 0x158,
  sectorSize: 0x168,
  diskSize: 0x170,
  blockSize: 0x178,
  blockExtra: 0x17c,
  blocks: 0x180,
  allocated: 0x184,
  uuid: 0x188,
  parentUuid: 0x1a8,
} as const;
const types = { 1: 'dynamic', 2: 'fixed', 3: 'differencing', 4: 'differencing' } as const;
/** Entries of the block map that are no blocks. */
export const UNALLOCATED = 0xffff_ffff;
export const ZEROED = 0xffff_fffe;
export const MiB = 1 << 20;
/** Bytes of the block map that a damaged header can make us read. */
export const mostMapBytes = 256 << 20;

export interface VdiHeader {
  readonly variant: 'dynamic' | 'fixed' | 'differencing';
  readonly size: number;
  readonly mapOffset: number;
  readonly dataOffset: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly allocated: number;
  readonly uuid: string;
  readonly parentUuid: string;
}

export async function readVdiHeader(file: ImageFile): Promise<VdiHeader> {
  const wrong = (what: string): BlockError =>
    new BlockError('corrupt', `The VDI image ${file.path} is damaged: ${what}.`);
  const bytes = new Uint8Array(headerBytes);
  await file.read(0, [bytes]);
  const view = new DataView(bytes.buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  if (u32(field.signature) !== signature) throw wrong('it does not begin as one');
  if (u32(field.version) !== version)
    throw new BlockError(
      'unsupported',
      `The VDI image ${file.path} has the unknown version 0x${u32(field.version).toString(16)}.`,
    );
  const variant = types[u32(field.type) as keyof typeof types];
  if (variant === undefined) throw wrong(`the image type ${u32(field.type)}`);
  const size = u32(field.diskSize) + u32(field.diskSize + 4) * 0x1_0000_0000;
  const blockSize = u32(field.blockSize);
  const [blocks, allocated] = [u32(field.blocks), u32(field.allocated)];
  if (u32(field.sectorSize) !== 512) throw wrong(`sectors of ${u32(field.sectorSize)} bytes`);
  if (blockSize < 4096 || blockSize > 64 * MiB || (blockSize & (blockSize - 1)) !== 0)
    throw wrong(`blocks of ${blockSize} bytes`);
  if (u32(field.blockExtra) !== 0)
    throw new BlockError(
      'unsupported',
      `The VDI image ${file.path} has extra data in front of its blocks.`,
    );
  if (size > blocks * blockSize) throw wrong('its block map is too short for the disk');
  const [mapOffset, dataOffset] = [u32(field.mapOffset), u32(field.dataOffset)];
  if (mapOffset % 512 !== 0 || dataOffset % 512 !== 0 || mapOffset < headerBytes)
    throw wrong('its block map or data is not at the start of a sector');
  if (dataOffset > Math.ceil(file.size / 512) * 512) throw wrong('its data lies behind its end');
  const mapEnd = mapOffset + blocks * 4;
  if (blocks * 4 > mostMapBytes || mapEnd > Math.ceil(file.size / 512) * 512 || mapEnd > dataOffset)
    throw wrong('its block map does not fit');
  return {
    ...{ variant, mapOffset, dataOffset, blockSize, blocks, allocated },
    size: Math.floor(size / 512) * 512,
    uuid: uuidText(bytes.subarray(field.uuid, field.uuid + 16)),
    parentUuid: uuidText(bytes.subarray(field.parentUuid, field.parentUuid + 16)),
  };
}

const uuidText = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
