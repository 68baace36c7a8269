/** Counts what goes to and from the images of a machine, for the activity graphs. */
import type { BlockBackend } from '../backends/block.ts';

export interface DiskCounters {
  diskReads: number;
  diskReadBytes: number;
  diskWrites: number;
  diskWrittenBytes: number;
}
export const newDiskCounters = (): DiskCounters => ({
  ...{ diskReads: 0, diskReadBytes: 0, diskWrites: 0, diskWrittenBytes: 0 },
});

const lengthOf = (buffers: readonly Uint8Array[]): number =>
  buffers.reduce((sum, { length }) => sum + length, 0);

/** The same disk; what it does besides is passed on as it is. */
export function countedDisk(disk: BlockBackend, counters: DiskCounters): BlockBackend {
  const counted: BlockBackend = {
    get size() {
      return disk.size;
    },
    readOnly: disk.readOnly,
    read: (offset, buffers) => {
      counters.diskReads++;
      counters.diskReadBytes += lengthOf(buffers);
      return disk.read(offset, buffers);
    },
    write: (offset, buffers) => {
      counters.diskWrites++;
      counters.diskWrittenBytes += lengthOf(buffers);
      return disk.write(offset, buffers);
    },
    flush: () => disk.flush(),
    close: () => disk.close(),
  };
  if (disk.writeDurable)
    counted.writeDurable = (offset, buffers) => {
      counters.diskWrites++;
      counters.diskWrittenBytes += lengthOf(buffers);
      return disk.writeDurable!(offset, buffers);
    };
  if (disk.discard) counted.discard = (offset, length) => disk.discard!(offset, length);
  if (disk.writeZeroes) counted.writeZeroes = (offset, length) => disk.writeZeroes!(offset, length);
  return counted;
}
