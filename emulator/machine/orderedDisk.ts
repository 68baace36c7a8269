import type { BlockBackend } from '../backends/block.ts';

/**
 * A disk that does one thing after the other, so that requests finish in the order they came in.
 * Machines whose time is counted need it: their runs have to repeat.
 */
export class OrderedDisk implements BlockBackend {
  readonly size: number;
  readonly readOnly: boolean;
  readonly discard?: (offset: number, length: number) => Promise<void>;
  readonly writeZeroes?: (offset: number, length: number) => Promise<void>;
  readonly #disk: BlockBackend;
  #last: Promise<unknown> = Promise.resolve();

  constructor(disk: BlockBackend) {
    this.size = disk.size;
    this.readOnly = disk.readOnly;
    this.#disk = disk;
    const { discard, writeZeroes } = disk;
    if (discard !== undefined) {
      this.discard = (offset, length) => this.#after(() => discard.call(disk, offset, length));
    }
    if (writeZeroes !== undefined) {
      this.writeZeroes = (offset, length) =>
        this.#after(() => writeZeroes.call(disk, offset, length));
    }
  }

  #after<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#after(() => this.#disk.read(offset, buffers));
  }

  write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    return this.#after(() => this.#disk.write(offset, buffers));
  }

  flush(): Promise<void> {
    return this.#after(() => this.#disk.flush());
  }

  close(): Promise<void> {
    return this.#after(() => this.#disk.close());
  }
}
