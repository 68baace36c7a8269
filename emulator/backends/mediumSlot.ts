/** Where a drive takes its medium from: a tray or a slit that may be empty. */
import type { BlockBackend } from './block.ts';

export class MediumSlot {
  #medium: BlockBackend | undefined;
  #changed: () => void = () => undefined;

  constructor(medium?: BlockBackend) {
    this.#medium = medium;
  }

  get medium(): BlockBackend | undefined {
    return this.#medium;
  }

  /** The drive hears of every change by this. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /** Puts a medium in the place of what is there, or takes that out; returns what was there, still open. */
  change(medium: BlockBackend | undefined): BlockBackend | undefined {
    const before = this.#medium;
    this.#medium = medium;
    if (before !== medium) this.#changed();
    return before;
  }
}
