/** Which sectors a command of the floppy controller moves, and where it ends (82077AA §6.1). */
import type { FloppyFormat } from '../../backends/floppyFormat.ts';
import { floppyCommand, st1, st2 } from './floppyCommands.ts';
import { floppySectorSize, type FloppyDrive } from './floppyDrive.ts';

/** A command that ends before it moves anything. */
export interface TransferEnd {
  readonly st1: number;
  readonly st2: number;
}

export interface FloppyPlan {
  readonly runs: readonly { readonly lba: number; readonly sectors: number }[];
  /** Bytes between host and controller if no terminal count ends it sooner. */
  readonly bytes: number;
  /** ST1 when there was none. */
  readonly st1AtEnd: number;
  /** Cylinder, head, sector and size that follow after so many sectors. */
  after(sectors: number): readonly [number, number, number, number];
  /** Puts what has come (`length` bytes of it) on the disk. */
  store(drive: FloppyDrive, buffer: Uint8Array, length: number): Promise<void>;
}

/** N: 128 << 2 bytes. */
const SIZE_512 = 2;

export function planTransfer(
  command: readonly number[],
  format: FloppyFormat,
  cylinder: number,
): FloppyPlan | TransferEnd {
  const [code = 0, unit = 0, second = 0, third = 0, fourth = 0, size = 0] = command;
  const head = (unit >>> 2) & 1;
  const { name } = floppyCommand(code);
  if (head >= format.heads) return { st1: st1.missingAddress, st2: 0 };
  const track = (cylinder * format.heads + head) * format.sectors;
  if (name === 'format') return planFormat(command, format, cylinder, track);
  const first = name === 'readTrack' ? 1 : fourth;
  if (second !== cylinder) {
    const flag = second === 0xff ? st2.badCylinder : st2.wrongCylinder;
    return { st1: st1.noData, st2: flag };
  }
  if (third !== head || size !== SIZE_512 || first < 1 || first > format.sectors)
    return { st1: st1.noData, st2: 0 };
  const counted = name === 'verify' && (unit & 0x80) !== 0;
  const last = counted ? first + (command[8] ?? 0) - 1 : (command[6] ?? 0);
  // With EOT behind it the controller looks for sectors that are not there.
  const missing = last > format.sectors || last < first;
  const here = (missing ? format.sectors : last) - first + 1;
  const both = (code & 0x80) !== 0 && head === 0 && format.heads === 2 && !missing && !counted;
  const runs = [{ lba: track + first - 1, sectors: here }];
  if (both) runs.push({ lba: track + format.sectors, sectors: last });
  const total = here + (both ? last : 0);
  return {
    runs,
    bytes: total * floppySectorSize,
    st1AtEnd: missing ? st1.noData : st1.endOfCylinder,
    after: (sectors) => {
      if (sectors < here) return [cylinder, head, first + sectors, size];
      if (!both) return [cylinder + 1, head, 1, size];
      const beyond = sectors - here;
      return beyond < last ? [cylinder, 1, 1 + beyond, size] : [cylinder + 1, 0, 1, size];
    },
    store: async (drive, buffer, length) => {
      let at = 0;
      for (const { lba, sectors } of runs) {
        // A sector that was begun is filled up with zeroes, as the buffer is.
        const end = Math.min(
          at + sectors * floppySectorSize,
          Math.ceil(length / floppySectorSize) * floppySectorSize,
        );
        if (end > at) await drive.write(lba, buffer.subarray(at, end));
        at = end;
      }
    },
  };
}

/** Four bytes a sector: the ID that it gets. The pattern goes into those that have a place in the format. */
function planFormat(
  [, unit = 0, size = 0, count = 0, , fill = 0]: readonly number[],
  format: FloppyFormat,
  cylinder: number,
  track: number,
): FloppyPlan {
  const head = (unit >>> 2) & 1;
  return {
    runs: [],
    bytes: count * 4,
    st1AtEnd: 0,
    after: () => [cylinder, head, count, size],
    store: async (drive, buffer, length) => {
      const pattern = new Uint8Array(floppySectorSize).fill(fill);
      for (let at = 0; at + 4 <= length; at += 4) {
        const sector = buffer[at + 2] ?? 0;
        const fits = sector >= 1 && sector <= format.sectors && size === SIZE_512;
        if (fits && buffer[at] === cylinder) await drive.write(track + sector - 1, pattern);
      }
    },
  };
}
