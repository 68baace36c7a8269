/**
 * A flash chip with Intel's command set, eight bits wide (Intel 28F640J3A datasheet 290667-009 §4; JEDEC
 * JESD68 and Intel AP-646 for CFI), which keeps the variables of UEFI firmware. Its own size and block size; one
 * status register. As QEMU's chip, clearing the status register clears the ready bit too, until the next
 * program or erase: OVMF tells flash from RAM by that. Left out: suspend, protection register, block locks,
 * which are taken and do nothing.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { DirectMemory } from '../../bus/directMemory.ts';
import type { MemoryBus } from '../../bus/memoryBus.ts';
import type { Mapping } from '../../bus/portBus.ts';
import type { Device, DeviceId, IoRegion, VersionedState, Width } from '../../bus/types.ts';

export const flashBlockSize = 4096;
const bufferSize = 64;

const command = {
  program: 0x10,
  erase: 0x20,
  programAlternate: 0x40,
  clearStatus: 0x50,
  lock: 0x60,
  readStatus: 0x70,
  readId: 0x90,
  cfiQuery: 0x98,
  confirm: 0xd0,
  buffer: 0xe8,
  readArray: 0xff,
} as const;
const READY = 0x80;
const ERASE_ERROR = 0x20;
const PROGRAM_ERROR = 0x10;

type Mode = 'array' | 'status' | 'id' | 'cfi';
type Step = 'command' | 'program' | 'erase' | 'lock' | 'count' | 'data' | 'confirm';
const modes: readonly Mode[] = ['array', 'status', 'id', 'cfi'];
const steps: readonly Step[] = ['command', 'program', 'erase', 'lock', 'count', 'data', 'confirm'];

/** Where the contents live on the host. */
export interface FlashStore {
  /** Resolves when the bytes are on their way to the disk; rejects if the host cannot take them. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
}

export interface CfiFlashParts {
  readonly id: DeviceId;
  readonly memory: DirectMemory;
  readonly bus: MemoryBus;
  /** Guest physical start; offset of the contents in `memory.rom`; bytes, a multiple of flashBlockSize. */
  readonly start: number;
  readonly romOffset: number;
  readonly size: number;
  /** What is written goes there; without it, it lasts as long as the machine. */
  readonly store?: FlashStore | undefined;
  readonly onHostFailure: (error: Error) => void;
}

export class CfiFlash implements Device {
  readonly id: DeviceId;
  readonly #parts: CfiFlashParts;
  readonly #bytes: Uint8Array;
  readonly #cfi: Uint8Array;
  #mode: Mode = 'array';
  #step: Step = 'command';
  #status = READY;
  /** A buffered write: offsets and values of its bytes, and how many are still to come. */
  #buffer: number[] = [];
  #left = 0;
  #mapping: Mapping | undefined;
  /** Blocks whose contents the host does not have. */
  readonly #dirty = new Set<number>();
  #writing: Promise<void> | undefined;
  /** Changed since the CPU last saw the array. */
  #changed = false;

  constructor(parts: CfiFlashParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#bytes = parts.memory.rom.subarray(parts.romOffset, parts.romOffset + parts.size);
    this.#cfi = cfiTable(parts.size);
    parts.bus.map(parts.start, parts.size, this.region);
    this.#show();
  }

  readonly region: IoRegion = {
    read: (offset, width) => {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#read(offset + i);
      return value;
    },
    write: (offset: number, width: Width, value: number) => {
      for (let i = 0; i < width; i++) this.#write(offset + i, (value >>> (8 * i)) & 0xff);
      this.#show();
    },
  };

  #read(offset: number): number {
    switch (this.#mode) {
      case 'array':
        return this.#bytes[offset] ?? 0xff;
      case 'status':
        return this.#status;
      case 'id':
        // Manufacturer Intel, device 28F640J3A; other addresses of a block: not locked.
        return [0x89, 0x17][offset & 0xff] ?? 0;
      case 'cfi':
        return this.#cfi[offset & 0xff] ?? 0;
    }
  }

  #write(offset: number, value: number): void {
    switch (this.#step) {
      case 'command':
        this.#command(offset, value);
        return;
      case 'program':
        this.#program(offset, value);
        this.#done(READY);
        return;
      case 'erase':
        if (value === command.confirm) this.#erase(offset);
        this.#done(value === command.confirm ? READY : READY | ERASE_ERROR | PROGRAM_ERROR);
        return;
      case 'lock':
        this.#done(READY);
        return;
      case 'count':
        // One less than the number of bytes.
        this.#left = Math.min(value + 1, bufferSize);
        this.#buffer = [];
        this.#step = 'data';
        return;
      case 'data':
        this.#buffer.push(offset, value);
        if (--this.#left === 0) this.#step = 'confirm';
        return;
      case 'confirm':
        if (value === command.confirm)
          for (let i = 0; i < this.#buffer.length; i += 2)
            this.#program(this.#buffer[i] ?? 0, this.#buffer[i + 1] ?? 0);
        this.#buffer = [];
        this.#done(value === command.confirm ? READY : READY | PROGRAM_ERROR);
        return;
    }
  }

  #command(offset: number, value: number): void {
    switch (value) {
      case command.program:
      case command.programAlternate:
        this.#enter('status', 'program');
        return;
      case command.erase:
        this.#enter('status', 'erase');
        return;
      case command.lock:
        this.#enter('status', 'lock');
        return;
      case command.buffer:
        // The extended status says that the buffer is free.
        this.#status |= READY;
        this.#enter('status', 'count');
        return;
      case command.clearStatus:
        this.#status = 0;
        this.#enter('status', 'command');
        return;
      case command.readStatus:
      case command.confirm:
        this.#enter('status', 'command');
        return;
      case command.readId:
        this.#enter('id', 'command');
        return;
      case command.cfiQuery:
        this.#enter('cfi', 'command');
        return;
      default:
        // 0xff, and what is no command.
        this.#enter('array', 'command');
    }
  }

  #enter(mode: Mode, step: Step): void {
    this.#mode = mode;
    this.#step = step;
  }

  #done(status: number): void {
    this.#status |= status;
    this.#enter('status', 'command');
  }

  /** Programming only clears bits. */
  #program(offset: number, value: number): void {
    const before = this.#bytes[offset] ?? 0xff;
    if ((before & value) === before) return;
    this.#bytes[offset] = before & value;
    this.#note(offset);
  }

  #erase(offset: number): void {
    const start = offset - (offset % flashBlockSize);
    this.#bytes.fill(0xff, start, start + flashBlockSize);
    this.#note(start);
  }

  #note(offset: number): void {
    this.#changed = true;
    this.#dirty.add(Math.floor(offset / flashBlockSize));
  }

  /** In array mode the CPU reads the chip as memory; in the others it asks. */
  #show(): void {
    const { memory, start, size, romOffset } = this.#parts;
    if (this.#mode !== 'array') {
      this.#mapping?.remove();
      this.#mapping = undefined;
      return;
    }
    if (this.#mapping === undefined) {
      this.#mapping = memory.mapRom(start, size, romOffset);
      if (this.#changed) memory.codeChanged(start, size);
      this.#changed = false;
    }
    this.#store();
  }

  /** Gives the host what it does not have, one block after the other. */
  #store(): void {
    const { store, onHostFailure } = this.#parts;
    if (store === undefined || this.#writing !== undefined || this.#dirty.size === 0) return;
    const write = async (): Promise<void> => {
      for (const block of this.#dirty) {
        const offset = block * flashBlockSize;
        this.#dirty.delete(block);
        try {
          await store.write(offset, this.#bytes.slice(offset, offset + flashBlockSize));
        } catch (error) {
          // Kept for the next try, which resume() makes.
          this.#dirty.add(block);
          throw error;
        }
      }
    };
    this.#writing = write()
      .catch((error: unknown) => onHostFailure(error as Error))
      .finally(() => (this.#writing = undefined));
  }

  async pause(): Promise<void> {
    await this.#writing;
  }

  resume(): void {
    this.#store();
  }

  /** Power-on: the contents stay. */
  reset(): void {
    this.#enter('array', 'command');
    this.#status = READY;
    this.#buffer = [];
    this.#left = 0;
    this.#show();
  }

  dispose(): void {
    this.#mapping?.remove();
    this.#mapping = undefined;
  }

  save() {
    return {
      version: 1,
      data: {
        mode: modes.indexOf(this.#mode),
        step: steps.indexOf(this.#step),
        status: this.#status,
        buffer: [...this.#buffer],
        left: this.#left,
        contents: Uint8Array.from(this.#bytes),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    for (let offset = 0; offset < this.#bytes.length; offset += flashBlockSize) {
      const block = data.contents.subarray(offset, offset + flashBlockSize);
      if (block.every((byte, i) => byte === this.#bytes[offset + i])) continue;
      this.#bytes.set(block, offset);
      this.#note(offset);
    }
    this.#enter(modes[data.mode] ?? 'array', steps[data.step] ?? 'command');
    this.#status = data.status;
    this.#buffer = [...data.buffer];
    this.#left = data.left;
    this.#show();
  }
}

/** What the CFI query shows from address 0x10 on: command set 1 (Intel), one region of equal blocks. */
function cfiTable(size: number): Uint8Array {
  const table = new Uint8Array(0x40);
  const blocks = size / flashBlockSize - 1;
  table.set(
    [...'QRY'].map((c) => c.charCodeAt(0)),
    0x10,
  );
  // Primary command set 1, its table at 0x31.
  table.set([0x01, 0x00, 0x31, 0x00], 0x13);
  // 4.5 to 5.5 V; times as powers of two; size as a power of two rounded up; x8; write buffer.
  table.set([0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0], 0x1b);
  table.set([Math.ceil(Math.log2(size)), 0, 0, Math.log2(bufferSize), 0, 1], 0x27);
  table.set(
    [blocks & 0xff, blocks >>> 8, (flashBlockSize >>> 8) & 0xff, flashBlockSize >>> 16],
    0x2d,
  );
  table.set(
    [...'PRI10'].map((c) => c.charCodeAt(0)),
    0x31,
  );
  return table;
}
