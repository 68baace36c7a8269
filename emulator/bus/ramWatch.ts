/** Which pages of RAM change: for copies of RAM that are made while the guest runs. */
export interface RamWatch {
  /** Notes writes from now on. None of the four is for inside a run of the CPU. */
  start(): void;
  /** Numbers of the 4 KiB pages, counted from RAM's start, written since the start or the last call; rising. */
  take(): Uint32Array;
  /** With the CPU standing still: the same, with what chips write without a note. */
  takeLast(): Uint32Array;
  stop(): void;
}

export const ramPageSize = 4096;
