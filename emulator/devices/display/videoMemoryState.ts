import { StateError } from '../../bus/types.ts';

/** Video memory in saved states: the parts that are not zero. */
const partSize = 0x10000;

export interface SavedVideoMemory {
  readonly size: number;
  /** Offsets of the parts in bytes, ascending. */
  readonly at: number[];
  readonly parts: Uint8Array[];
}

export function saveVideoMemory(bytes: Uint8Array): SavedVideoMemory {
  const at: number[] = [];
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += partSize) {
    if (isZero(new Uint32Array(bytes.buffer, bytes.byteOffset + offset, partSize / 4))) continue;
    at.push(offset);
    parts.push(Uint8Array.from(bytes.subarray(offset, offset + partSize)));
  }
  return { size: bytes.length, at, parts };
}

function isZero(dwords: Uint32Array): boolean {
  for (let i = 0; i < dwords.length; i++) if (dwords[i] !== 0) return false;
  return true;
}

/** Offsets that do not exist are left out: the state may come from anywhere. */
export function loadVideoMemory(bytes: Uint8Array, saved: SavedVideoMemory): void {
  if (saved.size !== bytes.length)
    throw new StateError(
      `the saved state has ${saved.size} bytes of video memory, not ${bytes.length}`,
    );
  bytes.fill(0);
  saved.parts.forEach((part, i) => {
    const offset = saved.at[i] ?? bytes.length;
    if (offset + part.length <= bytes.length) bytes.set(part, offset);
  });
}
