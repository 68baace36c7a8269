/** A floppy drive: its head, its medium, and the line that tells of a change. */
import type { BlockBackend } from '../../backends/block.ts';
import { floppyFormat, type FloppyFormat } from '../../backends/floppyFormat.ts';
import type { MediumSlot } from '../../backends/mediumSlot.ts';

export const floppySectorSize = 512;
/** The head is stopped here. */
const lastCylinder = 84;

export class FloppyDrive {
  readonly #slot: MediumSlot;
  cylinder = 0;
  /** The disk change line: set until the head steps with a disk in the drive. */
  changed = true;

  constructor(slot: MediumSlot) {
    this.#slot = slot;
    slot.onChange(() => (this.changed = true));
  }

  get medium(): BlockBackend | undefined {
    return this.#slot.medium;
  }

  /** Undefined while the drive is empty. */
  get format(): FloppyFormat | undefined {
    const medium = this.medium;
    return medium && floppyFormat(Math.ceil(medium.size / floppySectorSize));
  }

  get writeProtected(): boolean {
    return this.medium?.readOnly ?? false;
  }

  seek(cylinder: number): void {
    this.cylinder = Math.max(0, Math.min(cylinder, lastCylinder));
    if (this.medium !== undefined) this.changed = false;
  }

  /** Sectors from `lba`; behind the end of a short image are zeroes. */
  async read(lba: number, bytes: Uint8Array): Promise<void> {
    const { medium } = this;
    const held = this.#held(lba, bytes.length);
    if (held > 0) await medium?.read(lba * floppySectorSize, [bytes.subarray(0, held)]);
  }

  /** What lies behind the end of a short image is lost. */
  async write(lba: number, bytes: Uint8Array): Promise<void> {
    const { medium } = this;
    const held = this.#held(lba, bytes.length);
    if (held > 0) await medium?.write(lba * floppySectorSize, [bytes.subarray(0, held)]);
  }

  #held(lba: number, length: number): number {
    const size = this.medium?.size ?? 0;
    const end = Math.floor(size / floppySectorSize) * floppySectorSize;
    return Math.max(0, Math.min(length, end - lba * floppySectorSize));
  }

  reset(): void {
    this.cylinder = 0;
    this.changed = true;
  }

  save() {
    return { cylinder: this.cylinder, changed: this.changed };
  }

  load(saved: ReturnType<FloppyDrive['save']>): void {
    this.cylinder = saved.cylinder;
    this.changed = saved.changed;
  }
}
