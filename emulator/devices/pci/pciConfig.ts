/**
 * Configuration space of a PCI function (PCI Local Bus 3.0 §6): identification, command and
 * status, BARs that map themselves, capability list, INTx, expansion ROM. Header type 0 only.
 */
import type { Mapping } from '../../bus/portBus.ts';
import type { IoRegion, IrqLine, VersionedState, Width } from '../../bus/types.ts';
import { StateError } from '../../bus/types.ts';
import type { BarSpec, PciIdentity, PciSlot } from './pciFunction.ts';

/** Register offsets, PCI 3.0 §6.1 figure 6-1. */
const VENDOR_ID = 0x00;
const DEVICE_ID = 0x02;
const COMMAND = 0x04;
const STATUS = 0x06;
const REVISION_ID = 0x08;
const CACHE_LINE_SIZE = 0x0c;
const LATENCY_TIMER = 0x0d;
const HEADER_TYPE = 0x0e;
const BAR0 = 0x10;
const SUBSYSTEM_VENDOR_ID = 0x2c;
const SUBSYSTEM_ID = 0x2e;
const EXPANSION_ROM = 0x30;
const CAPABILITIES_POINTER = 0x34;
const INTERRUPT_LINE = 0x3c;
const INTERRUPT_PIN = 0x3d;

/** COMMAND bits, §6.2.2. */
const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const COMMAND_MASTER = 4;
const COMMAND_INTX_DISABLE = 0x400;
/** STATUS bits, §6.2.3. */
const STATUS_INTERRUPT = 0x08;
const STATUS_CAPABILITIES = 0x10;

interface Bar {
  readonly spec: BarSpec;
  base: number;
  mapping: Mapping | undefined;
}

interface Intercept {
  readonly first: number;
  readonly end: number;
  readonly region: IoRegion;
}

interface Watch {
  readonly first: number;
  readonly end: number;
  readonly changed: () => void;
}

export class PciConfig {
  readonly slot: PciSlot;
  readonly #bytes = new Uint8Array(256);
  readonly #defaults = new Uint8Array(256);
  /** Bits a write changes, and bits a written one clears. */
  readonly #writable = new Uint8Array(256);
  readonly #clearable = new Uint8Array(256);
  readonly #bars = new Map<number, Bar>();
  readonly #intercepts: Intercept[] = [];
  readonly #watches: Watch[] = [];
  readonly #line: IrqLine | undefined;
  #nextCapability = 0x40;
  #lastCapability = CAPABILITIES_POINTER;
  #interrupt = false;
  #rom: { readonly bytes: Uint8Array; base: number; mapping: Mapping | undefined } | undefined;

  constructor(slot: PciSlot, identity: PciIdentity) {
    this.slot = slot;
    const pin = identity.interruptPin ?? 0;
    this.#line = pin === 0 ? undefined : slot.interruptLine(pin);
    this.setDefault(VENDOR_ID, 2, identity.vendor);
    this.setDefault(DEVICE_ID, 2, identity.device);
    this.setDefault(REVISION_ID, 4, (identity.classCode << 8) | identity.revision);
    this.setDefault(HEADER_TYPE, 1, identity.multiFunction === true ? 0x80 : 0);
    this.setDefault(SUBSYSTEM_VENDOR_ID, 2, identity.subsystemVendor ?? 0);
    this.setDefault(SUBSYSTEM_ID, 2, identity.subsystem ?? 0);
    this.setDefault(INTERRUPT_PIN, 1, pin);
    this.setWritable(COMMAND, 2, 0x0547);
    this.setWritable(CACHE_LINE_SIZE, 1, 0xff);
    this.setWritable(LATENCY_TIMER, 1, 0xff);
    this.setWritable(INTERRUPT_LINE, 1, 0xff);
    this.#clearable[STATUS + 1] = 0xf9;
  }

  /** Value of a register after reset, of `width` bytes. */
  setDefault(offset: number, width: Width, value: number): void {
    for (let i = 0; i < width; i++) {
      this.#defaults[offset + i] = (value >>> (8 * i)) & 0xff;
      this.#bytes[offset + i] = (value >>> (8 * i)) & 0xff;
    }
  }

  /** Bits of a register that the guest can write. */
  setWritable(offset: number, width: Width, mask: number): void {
    for (let i = 0; i < width; i++) this.#writable[offset + i] = (mask >>> (8 * i)) & 0xff;
  }

  /** Calls `changed` after a guest's write to any byte of the range, and after reset and load. */
  watch(first: number, length: number, changed: () => void): void {
    this.#watches.push({ first, end: first + length, changed });
  }

  /** Accesses inside the range go to `region` (offsets from `first`) instead of plain bytes. */
  intercept(first: number, length: number, region: IoRegion): void {
    this.#intercepts.push({ first, end: first + length, region });
  }

  /** BAR `index` 0..5; a 64-bit one takes `index + 1` as well. */
  addBar(index: number, spec: BarSpec): void {
    const offset = BAR0 + 4 * index;
    const typeBits =
      spec.kind === 'io'
        ? 1
        : (spec.kind === 'memory64' ? 4 : 0) | (spec.prefetchable === true ? 8 : 0);
    this.#bars.set(index, { spec, base: 0, mapping: undefined });
    this.setDefault(offset, 4, typeBits);
    // All 32 bits of I/O BARs too: SeaBIOS takes upper bits that stay zero for a size.
    this.setWritable(offset, 4, ~(spec.size - 1) & (spec.kind === 'io' ? ~3 : ~0xf));
    if (spec.kind === 'memory64') this.setWritable(offset + 4, 4, 0xffffffff);
  }

  /** Expansion ROM (§6.2.5.2): `bytes` has a power of two of bytes, 2 KiB or more. */
  setRom(bytes: Uint8Array): void {
    this.#rom = { bytes, base: 0, mapping: undefined };
    this.setWritable(EXPANSION_ROM, 4, (~(bytes.length - 1) & 0xfffff800) | 1);
  }

  /**
   * Appends a capability (§6.7): `body` follows the ID and next-pointer bytes, `writable` is its
   * mask. Returns the capability's offset; the body starts at that + 2.
   */
  addCapability(id: number, body: Uint8Array, writable?: Uint8Array): number {
    const offset = this.#nextCapability;
    this.#nextCapability = (offset + 2 + body.length + 3) & ~3;
    if (this.#nextCapability > 0x100) throw new RangeError('no room for a PCI capability');
    this.setDefault(this.#lastCapability, 1, offset);
    this.#lastCapability = offset + 1;
    this.setDefault(offset, 1, id);
    this.#defaults.set(body, offset + 2);
    this.#bytes.set(body, offset + 2);
    if (writable !== undefined) this.#writable.set(writable, offset + 2);
    this.setDefault(STATUS, 1, STATUS_CAPABILITIES);
    return offset;
  }

  /** Bus mastering is on: the function may do DMA and send messages. */
  get busMaster(): boolean {
    return (this.get(COMMAND, 2) & COMMAND_MASTER) !== 0;
  }

  /** Level of the function's INTx, before the guest's INTx disable bit. */
  setInterrupt(high: boolean): void {
    this.#interrupt = high;
    this.#updateInterrupt();
  }

  /** The current bytes of a register, as the device itself sees them. */
  get(offset: number, width: Width): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + (this.#bytes[offset + i] ?? 0xff);
    return value;
  }

  /** Sets a register from the device's side, past the write mask and the watches. */
  set(offset: number, width: Width, value: number): void {
    for (let i = 0; i < width; i++) this.#bytes[offset + i] = (value >>> (8 * i)) & 0xff;
  }

  /** Guest's configuration read; `offset` 0..255, aligned to `width`. */
  read(offset: number, width: Width): number {
    const hit = this.#intercepts.find((i) => offset >= i.first && offset + width <= i.end);
    return hit === undefined
      ? this.get(offset, width)
      : hit.region.read(offset - hit.first, width) >>> 0;
  }

  /** Guest's configuration write. */
  write(offset: number, width: Width, value: number): void {
    const hit = this.#intercepts.find((i) => offset >= i.first && offset + width <= i.end);
    if (hit !== undefined) {
      hit.region.write(offset - hit.first, width, value);
      return;
    }
    for (let i = 0; i < width; i++) {
      const at = offset + i;
      const byte = (value >>> (8 * i)) & 0xff;
      const mask = this.#writable[at] ?? 0;
      const old = this.#bytes[at] ?? 0;
      this.#bytes[at] = ((old & ~mask) | (byte & mask)) & ~(byte & (this.#clearable[at] ?? 0));
    }
    const end = offset + width;
    if (offset < COMMAND + 2 && end > COMMAND) this.#updateInterrupt();
    if ((offset < COMMAND + 2 && end > COMMAND) || (offset < EXPANSION_ROM + 4 && end > BAR0)) {
      this.#mapBars();
    }
    for (const w of this.#watches) if (offset < w.end && end > w.first) w.changed();
  }

  /** Power-on values: BARs unmapped, INTx low. */
  reset(): void {
    this.#bytes.set(this.#defaults);
    this.#interrupt = false;
    this.#applyAll();
  }

  dispose(): void {
    for (const bar of this.#bars.values()) bar.mapping?.remove();
    this.#rom?.mapping?.remove();
  }

  save(): VersionedState {
    return { version: 1, data: { bytes: this.#bytes.slice(), interrupt: this.#interrupt } };
  }

  load(state: VersionedState): void {
    const data = state.data as { bytes?: unknown; interrupt?: unknown } | undefined;
    if (state.version !== 1 || !(data?.bytes instanceof Uint8Array) || data.bytes.length !== 256) {
      throw new StateError(`PCI configuration: unknown state version ${state.version}`);
    }
    this.#bytes.set(data.bytes);
    this.#interrupt = data.interrupt === true;
    this.#applyAll();
  }

  #applyAll(): void {
    this.#updateInterrupt();
    this.#mapBars();
    for (const w of this.#watches) w.changed();
  }

  #updateInterrupt(): void {
    const status = this.#bytes[STATUS] ?? 0;
    this.#bytes[STATUS] = this.#interrupt ? status | STATUS_INTERRUPT : status & ~STATUS_INTERRUPT;
    this.#line?.set(this.#interrupt && (this.get(COMMAND, 2) & COMMAND_INTX_DISABLE) === 0);
  }

  #mapBars(): void {
    const command = this.get(COMMAND, 2);
    for (const [index, bar] of this.#bars) {
      const { kind, size } = bar.spec;
      const enabled = (command & (kind === 'io' ? COMMAND_IO : COMMAND_MEMORY)) !== 0;
      const low = this.get(BAR0 + 4 * index, 4);
      const high = kind === 'memory64' ? this.get(BAR0 + 4 * index + 4, 4) : 0;
      const address = kind === 'io' ? low - (low % 4) : high * 0x1_0000_0000 + (low - (low % 16));
      // 0 is "not assigned"; all ones is a size probe with decoding left on.
      const limit = kind === 'io' ? 0x10000 : high === 0 ? 0x1_0000_0000 - 1 : 2 ** 52;
      const base = enabled && address !== 0 && address + size <= limit ? address : 0;
      if (base === bar.base) continue;
      bar.mapping?.remove();
      bar.base = base;
      bar.mapping = base === 0 ? undefined : this.#mapBar(bar.spec, base);
    }
    this.#mapRom((command & COMMAND_MEMORY) !== 0);
  }

  #mapBar({ kind, size, region, map }: BarSpec, base: number): Mapping | undefined {
    if (map !== undefined) return map(base);
    if (region === undefined) return undefined;
    return (kind === 'io' ? this.slot.ports : this.slot.memory).map(base, size, region);
  }

  #mapRom(decoding: boolean): void {
    const rom = this.#rom;
    if (rom === undefined) return;
    const { bytes } = rom;
    const register = this.get(EXPANSION_ROM, 4);
    const address = register - (register % 0x800);
    const base =
      decoding && register % 2 === 1 && address + bytes.length < 0x1_0000_0000 ? address : 0;
    if (base === rom.base) return;
    rom.mapping?.remove();
    rom.base = base;
    rom.mapping =
      base === 0 ? undefined : this.slot.memory.map(base, bytes.length, romRegion(bytes));
  }

  /** What resource assignment needs to know: index, kind and size of every BAR. */
  barSpecs(): { readonly index: number; readonly spec: BarSpec }[] {
    return [...this.#bars].map(([index, bar]) => ({ index, spec: bar.spec }));
  }
}

function romRegion(bytes: Uint8Array): IoRegion {
  return {
    read: (offset, width) => {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + (bytes[offset + i] ?? 0xff);
      return value;
    },
    write: () => undefined,
  };
}
