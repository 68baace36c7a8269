/** Which pages of RAM change: for copies of RAM that are made while the guest runs. */
export interface RamWatch {
  /** Notes writes from now on. None of the four is for inside a run of the CPU. */
  start(): void;
  /** Numbers of the 4 KiB pages, counted from RAM's start, written since the start or the last call; rising. */
  take(): Uint32Array;
  /**
   * With the CPU standing still: the same, with what chips and the CPU write without a note, but for accessed and
   * dirty bits in page tables. `wideTables`: their entries have 8 bytes.
   */
  takeLast(): LastWrites;
  stop(): void;
}

export interface LastWrites {
  readonly pages: Uint32Array;
  readonly wideTables: boolean;
  /** Whether the frame, a guest physical page number, is RAM that was written since start(). */
  wasWritten(frame: number): boolean;
}

export const ramPageSize = 4096;
