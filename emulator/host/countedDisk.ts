/** Counts what goes to and from the images of a machine, for the activity graphs. */
import type { BlockBackend } from '../backends/block.ts';
import { totalLength } from '../block/bufferList.ts';

export interface DiskCounters {
  diskReads: number;
  diskReadBytes: number;
  diskWrites: number;
  diskWrittenBytes: number;
}
export const newDiskCounters = (): DiskCounters => ({
  ...{ diskReads: 0, diskReadBytes: 0, diskWrites: 0, diskWrittenBytes: 0 },
});

/** The same disk; what it does besides is passed on as it is. */
export function countedDisk(disk: BlockBackend, counters: DiskCounters): BlockBackend {
  const countRead = (buffers: readonly Uint8Array[]): void => {
    counters.diskReads++;
    counters.diskReadBytes += totalLength(buffers);
  };
  const countWrite = (buffers: readonly Uint8Array[]): void => {
    counters.diskWrites++;
    counters.diskWrittenBytes += totalLength(buffers);
  };
  const counted: BlockBackend = {
    get size() {
      return disk.size;
    },
    readOnly: disk.readOnly,
    read: (offset, buffers) => {
      countRead(buffers);
      return disk.read(offset, buffers);
    },
    write: (offset, buffers) => {
      countWrite(buffers);
      return disk.write(offset, buffers);
    },
    flush: () => disk.flush(),
    close: () => disk.close(),
  };
  if (disk.writeDurable)
    counted.writeDurable = (offset, buffers) => {
      countWrite(buffers);
      return disk.writeDurable!(offset, buffers);
    };
  if (disk.readNow)
    counted.readNow = (offset, buffers) => {
      const done = disk.readNow!(offset, buffers);
      if (done) countRead(buffers);
      return done;
    };
  if (disk.writeNow)
    counted.writeNow = (offset, buffers) => {
      const done = disk.writeNow!(offset, buffers);
      if (done) countWrite(buffers);
      return done;
    };
  if (disk.discard) counted.discard = (offset, length) => disk.discard!(offset, length);
  if (disk.writeZeroes) counted.writeZeroes = (offset, length) => disk.writeZeroes!(offset, length);
  return counted;
}
