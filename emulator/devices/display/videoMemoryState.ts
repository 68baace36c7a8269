import { StateError } from '../../bus/types.ts';
import { videoPageSize } from '../../bus/videoMemory.ts';

/** Video memory in saved states: the parts that are not zero. */
const partSize = 0x10000;

export interface SavedVideoMemory {
  readonly size: number;
  /** Offsets of the parts in bytes, ascending. */
  readonly at: number[];
  readonly parts: Uint8Array[];
}

/** `held`: 1 for each page that may not be zero, for memory too large to look at all of it. */
export function saveVideoMemory(bytes: Uint8Array, held?: Uint8Array): SavedVideoMemory {
  const at: number[] = [];
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.length; offset += partSize) {
    const end = offset + partSize;
    const empty =
      held === undefined
        ? isZero(new Uint32Array(bytes.buffer, bytes.byteOffset + offset, partSize / 4))
        : !held.subarray(offset / videoPageSize, end / videoPageSize).includes(1);
    if (empty) continue;
    at.push(offset);
    parts.push(new Uint8Array(bytes.subarray(offset, end)));
  }
  return { size: bytes.length, at, parts };
}

function isZero(dwords: Uint32Array): boolean {
  for (let i = 0; i < dwords.length; i++) if (dwords[i] !== 0) return false;
  return true;
}

/** Into memory that is zero. Offsets that do not exist are left out: the state may come from anywhere. */
export function loadVideoMemory(bytes: Uint8Array, saved: SavedVideoMemory): void {
  if (saved.size !== bytes.length)
    throw new StateError(
      `the saved state has ${saved.size} bytes of video memory, not ${bytes.length}`,
    );
  saved.parts.forEach((part, i) => {
    const offset = saved.at[i] ?? bytes.length;
    if (offset + part.length <= bytes.length) bytes.set(part, offset);
  });
}
