/** The host I/O of a drive that does one thing after the other. */
import { BlockError } from '../../backends/block.ts';

export interface DriveIoParts {
  /** No space or the like: the work is done again by what calls run() after resume(). */
  onStalled(error: BlockError): void;
}

export class DriveIo {
  readonly #parts: DriveIoParts;
  #epoch = 0;
  #last: Promise<void> = Promise.resolve();
  #running = 0;
  #wanted = false;

  constructor(parts: DriveIoParts) {
    this.#parts = parts;
  }

  /** Work that is wanted is on its way. */
  get busy(): boolean {
    return this.#wanted;
  }

  /**
   * Does `work` after what was begun before, then calls `finish` or `failed`, unless cancel() has come
   * between. An error the host's user can mend stalls instead.
   */
  run<T>(
    work: () => Promise<T>,
    finish: (result: T) => void,
    failed: (error: unknown) => void,
  ): void {
    const epoch = this.#epoch;
    const before = this.#last;
    this.#running++;
    this.#wanted = true;
    const current = (): boolean => epoch === this.#epoch;
    const all = async (): Promise<void> => {
      await before;
      if (!current()) return;
      let result: T;
      try {
        result = await work();
      } catch (error) {
        if (!current()) return;
        this.#wanted = false;
        if (error instanceof BlockError && error.code === 'no-space') this.#parts.onStalled(error);
        else failed(error);
        return;
      }
      if (!current()) return;
      this.#wanted = false;
      finish(result);
    };
    this.#last = all().finally(() => this.#running--);
  }

  /** Results of what is on its way are of no interest any more. */
  cancel(): void {
    this.#epoch++;
    this.#wanted = false;
  }

  /** Resolves when nothing is on its way. */
  async settled(): Promise<void> {
    while (this.#running > 0) await this.#last;
  }
}
