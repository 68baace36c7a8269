/**
 * One channel of a bus master IDE controller ("Programming Interface for Bus Master IDE Controller"
 * rev. 1.0; 82371SB §2.7): eight registers and the walk over the physical region descriptors.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { guestPhysical, type DmaMemory, type VersionedState } from '../../bus/types.ts';

const COMMAND_START = 0x01;
/** The drive's data go to memory. */
const COMMAND_TO_MEMORY = 0x08;
const STATUS_ACTIVE = 0x01;
const STATUS_ERROR = 0x02;
const STATUS_INTERRUPT = 0x04;
const STATUS_CAPABLE = 0x60;
/** In the second dword of a descriptor. */
const END_OF_TABLE = 0x8000_0000;

export class BusMasterIde {
  readonly #memory: DmaMemory;
  readonly #started: () => void;
  #command = 0;
  #status = 0;
  #table = 0;
  /** Address of the next descriptor, what is left of the current region, and whether it is the last. */
  #next = 0;
  #address = 0;
  #left = 0;
  #last = false;

  /** `started` is called when the guest starts the transfer. */
  constructor(memory: DmaMemory, started: () => void) {
    this.#memory = memory;
    this.#started = started;
  }

  /** Registers 0 to 7. */
  read(offset: number): number {
    if (offset === 0) return this.#command;
    if (offset === 2) return this.#status;
    return offset >= 4 ? (this.#table >>> (8 * (offset - 4))) & 0xff : 0;
  }

  write(offset: number, value: number): void {
    if (offset === 0) this.#writeCommand(value);
    else if (offset === 2) {
      const cleared = this.#status & ~(value & (STATUS_ERROR | STATUS_INTERRUPT));
      this.#status = (cleared & ~STATUS_CAPABLE) | (value & STATUS_CAPABLE);
    } else if (offset >= 4) {
      const shift = 8 * (offset - 4);
      this.#table = ((this.#table & ~(0xff << shift)) | (value << shift)) & ~3;
    }
  }

  #writeCommand(value: number): void {
    const before = this.#command;
    this.#command = value & (COMMAND_START | COMMAND_TO_MEMORY);
    if ((value & COMMAND_START) === 0) this.#status &= ~STATUS_ACTIVE;
    else if ((before & COMMAND_START) === 0) {
      this.#status |= STATUS_ACTIVE;
      this.#next = this.#table >>> 0;
      this.#left = 0;
      this.#last = false;
      this.#started();
    }
  }

  /** The drive's interrupt line has gone up. */
  interrupt(): void {
    this.#status |= STATUS_INTERRUPT;
  }

  /** A transfer in this direction can go on. */
  active(toMemory: boolean): boolean {
    return (
      (this.#status & STATUS_ACTIVE) !== 0 &&
      ((this.#command & COMMAND_TO_MEMORY) !== 0) === toMemory
    );
  }

  /** Moves `bytes` to the guest's regions; false if these came to an end before. */
  toMemory(bytes: Uint8Array): boolean {
    return this.#walk(bytes.length, (address, at, length) =>
      this.#memory.write(guestPhysical(address), bytes.subarray(at, at + length)),
    );
  }

  /** Fills `bytes` from the guest's regions; false if these came to an end before. */
  fromMemory(bytes: Uint8Array): boolean {
    return this.#walk(bytes.length, (address, at, length) =>
      this.#memory.read(guestPhysical(address), bytes.subarray(at, at + length)),
    );
  }

  #walk(length: number, move: (address: number, at: number, length: number) => void): boolean {
    for (let at = 0; at < length;) {
      if (this.#left === 0 && !this.#nextRegion()) {
        // The table is shorter than the transfer: not active, no interrupt.
        this.#status &= ~STATUS_ACTIVE;
        return false;
      }
      const part = Math.min(this.#left, length - at);
      move(this.#address, at, part);
      this.#address += part;
      this.#left -= part;
      at += part;
    }
    return true;
  }

  #nextRegion(): boolean {
    if (this.#last) return false;
    const at = this.#next;
    this.#address = this.#memory.readU32(guestPhysical(at)) & ~1;
    this.#address >>>= 0;
    const size = this.#memory.readU32(guestPhysical(at + 4));
    this.#left = size & 0xfffe || 0x1_0000;
    this.#last = (size & END_OF_TABLE) !== 0;
    this.#next = at + 8;
    // A table does not cross 64 KiB.
    if ((this.#next & 0xffff) === 0) this.#last = true;
    return true;
  }

  /** The drive has sent or taken everything. Regions that are left keep the controller active. */
  finished(): void {
    if (this.#left === 0 && this.#last) this.#status &= ~STATUS_ACTIVE;
  }

  reset(): void {
    this.#command = this.#status = this.#table = 0;
    this.#next = this.#address = this.#left = 0;
    this.#last = false;
  }

  save() {
    return {
      version: 1,
      data: {
        command: this.#command,
        status: this.#status,
        table: this.#table,
        next: this.#next,
        address: this.#address,
        left: this.#left,
        last: this.#last,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('bus master IDE', state, this.save());
    this.#command = data.command;
    this.#status = data.status;
    this.#table = data.table;
    this.#next = data.next;
    this.#address = data.address;
    this.#left = data.left;
    this.#last = data.last;
  }
}
