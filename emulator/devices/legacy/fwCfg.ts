/**
 * The firmware configuration device of QEMU (docs/specs/fw_cfg.rst): how SeaBIOS and OVMF learn
 * about the machine, with the DMA interface. Items are read-only.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type {
  Device,
  DeviceId,
  DmaMemory,
  IoRegion,
  VersionedState,
  Width,
} from '../../bus/types.ts';
import { guestPhysical } from '../../bus/types.ts';

/** Selector keys of the specification. */
export const fwCfgKeys = {
  signature: 0x00,
  id: 0x01,
  uuid: 0x02,
  ramSize: 0x03,
  cpus: 0x05,
  bootMenu: 0x0e,
  maxCpus: 0x0f,
  fileDirectory: 0x19,
  firstFile: 0x20,
  /** x86: IRQ0 is connected to pin 2 of the I/O APIC. */
  irq0Override: 0x8002,
} as const;

/** Traditional and DMA interface. */
const FEATURES = 3;

/** Bits of FWCfgDmaAccess.control. */
const DMA_ERROR = 1;
const DMA_READ = 2;
const DMA_SKIP = 4;
const DMA_SELECT = 8;
const DMA_WRITE = 16;

const dmaSignature = new TextEncoder().encode('QEMU CFG');

/** A file's contents, or what makes them when the guest selects the file; the length is always the same. */
export type FwCfgFile = Uint8Array | (() => Uint8Array);

export class FwCfg implements Device {
  readonly id: DeviceId = 'fw-cfg';
  readonly #memory: DmaMemory;
  readonly #items = new Map<number, FwCfgFile>();
  /** Until the guest selects the first of them. */
  #files: (() => ReadonlyMap<string, FwCfgFile>) | undefined;
  /** What is selected; undefined after loading a state. */
  #selected: Uint8Array | undefined;
  #selector = 0;
  #offset = 0;
  #dmaHigh = 0;

  /**
   * Files, made when the guest first asks for one, come in any order; the directory lists them sorted by name.
   */
  constructor(parts: {
    memory: DmaMemory;
    items: ReadonlyMap<number, Uint8Array>;
    files: () => ReadonlyMap<string, FwCfgFile>;
  }) {
    this.#memory = parts.memory;
    this.#items.set(fwCfgKeys.signature, new TextEncoder().encode('QEMU'));
    this.#items.set(fwCfgKeys.id, Uint8Array.of(FEATURES, 0, 0, 0));
    for (const [key, bytes] of parts.items) this.#items.set(key, bytes);
    this.#files = parts.files;
  }

  #addFiles(files: ReadonlyMap<string, FwCfgFile>): void {
    const names = [...files.keys()].sort();
    const directory = new DataView(new ArrayBuffer(4 + 64 * names.length));
    directory.setUint32(0, names.length);
    for (const [index, name] of names.entries()) {
      const content = files.get(name) ?? new Uint8Array();
      const at = 4 + 64 * index;
      directory.setUint32(at, bytesOf(content).length);
      directory.setUint16(at + 4, fwCfgKeys.firstFile + index);
      const label = new TextEncoder().encode(name).subarray(0, 55);
      new Uint8Array(directory.buffer).set(label, at + 8);
      this.#items.set(fwCfgKeys.firstFile + index, content);
    }
    this.#items.set(fwCfgKeys.fileDirectory, new Uint8Array(directory.buffer));
  }

  /** Ports 0x510 (selector, 16 bits) and 0x511 (data). */
  readonly region: IoRegion = {
    read: (offset) => (offset === 1 ? this.#next() : 0),
    write: (offset, width, value) => {
      if (offset === 0 && width === 2) this.#select(value);
    },
  };

  /** Port 0x514: the DMA address, big-endian; the low half starts the transfer. */
  readonly dmaRegion: IoRegion = {
    read: (offset, width) => {
      let value = 0;
      for (let i = 0; i < width; i++) value += (dmaSignature[offset + i] ?? 0) * 2 ** (8 * i);
      return value;
    },
    write: (offset: number, width: Width, value: number) => {
      if (width !== 4) return;
      const native = swap32(value);
      if (offset === 0) this.#dmaHigh = native;
      else if (offset === 4) {
        const address = this.#dmaHigh * 2 ** 32 + native;
        this.#dmaHigh = 0;
        this.#transfer(address);
      }
    },
  };

  #select(key: number): void {
    this.#selector = key;
    this.#offset = 0;
    this.#selected = undefined;
  }

  get #item(): Uint8Array {
    if (this.#files !== undefined && !this.#items.has(this.#selector)) {
      this.#addFiles(this.#files());
      this.#files = undefined;
    }
    return (this.#selected ??= bytesOf(this.#items.get(this.#selector)));
  }

  #next(): number {
    // Past the end, and for unknown keys, zeroes.
    return this.#item[this.#offset++] ?? 0;
  }

  #transfer(address: number): void {
    const at = (offset: number) => guestPhysical(address + offset);
    const control = swap32(this.#memory.readU32(at(0)));
    const length = swap32(this.#memory.readU32(at(4)));
    const target =
      swap32(this.#memory.readU32(at(8))) * 2 ** 32 + swap32(this.#memory.readU32(at(12)));
    if ((control & DMA_SELECT) !== 0) this.#select(control >>> 16);
    let result = 0;
    if ((control & DMA_READ) !== 0) {
      // A guest may name any length; only as much as there is RAM for is built.
      if (this.#memory.inRam(guestPhysical(target), length)) {
        const bytes = new Uint8Array(length);
        bytes.set(this.#item.subarray(this.#offset, this.#offset + length));
        this.#memory.write(guestPhysical(target), bytes);
      } else {
        result = DMA_ERROR;
      }
      this.#offset += length;
    } else if ((control & DMA_SKIP) !== 0) {
      this.#offset += length;
    } else if ((control & DMA_WRITE) !== 0) {
      result = DMA_ERROR;
    }
    this.#memory.writeU32(at(0), swap32(result));
  }

  reset(): void {
    this.#select(0);
    this.#dmaHigh = 0;
  }

  save() {
    return {
      version: 1,
      data: { selector: this.#selector, offset: this.#offset, dmaHigh: this.#dmaHigh },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#selector = data.selector;
    this.#selected = undefined;
    this.#offset = data.offset;
    this.#dmaHigh = data.dmaHigh;
  }
}

function bytesOf(file: FwCfgFile | undefined): Uint8Array {
  if (file === undefined) return new Uint8Array();
  return typeof file === 'function' ? file() : file;
}

const swap32 = (value: number): number =>
  (((value & 0xff) << 24) |
    ((value & 0xff00) << 8) |
    ((value >>> 8) & 0xff00) |
    ((value >>> 24) & 0xff)) >>>
  0;
