/** Branded numbers, so that a port is never passed where an address is meant. */
declare const brand: unique symbol;
type Branded<B extends string> = number & { readonly [brand]: B };

/** Guest physical address in bytes. A double holds every address the PC decodes (below 2^52). */
export type GuestPhysical = Branded<'GuestPhysical'>;
/** I/O port number, 0..0xffff. */
export type Port = Branded<'Port'>;
/** Access width in bytes. 64-bit accesses are split by the bus: low half first. */
export type Width = 1 | 2 | 4;

export const guestPhysical = (n: number): GuestPhysical => n as GuestPhysical;
export const port = (n: number): Port => n as Port;

/** Registers of one device, addressed from 0. Values are unsigned, zero-extended. Never throws. */
export interface IoRegion {
  read(offset: number, width: Width): number;
  write(offset: number, width: Width, value: number): void;
  /** The same as a write of each byte in turn, for regions to which firmware writes much at once. */
  writeBytes?(offset: number, bytes: Uint8Array): void;
}

/** A level or edge interrupt wire. `set` is idempotent for levels; `pulse` is low→high→low. */
export interface IrqLine {
  set(high: boolean): void;
  pulse(): void;
}

export type DeviceId = string;

/** What a device saves: plain structured-clonable data with the version of its shape. */
export interface VersionedState {
  readonly version: number;
  readonly data: unknown;
}

export interface Device {
  /** Stable in snapshots: 'com1', 'virtio-blk0'. */
  readonly id: DeviceId;
  reset(): void;
  start?(): void;
  /**
   * Resolves when no host I/O is in flight, so that save() sees a settled device. `soon`: what takes long may be left
   * for resume() to do again.
   */
  pause?(soon?: boolean): Promise<void>;
  resume?(): void;
  dispose?(): void;
  save(): VersionedState;
  /** Throws StateError if the version is unknown or the data is not of its shape. */
  load(state: VersionedState): void;
}

/** A saved state that this build cannot take; the message names the device and the versions. */
export class StateError extends Error {
  override name = 'StateError';
}

/** A one-shot timer of a Clock. Rearming replaces; cancel is idempotent. */
export interface Timer {
  /** Arms the timer for machine time `atNs`; a time already past fires at the next poll. */
  arm(atNs: number): void;
  cancel(): void;
  /** Machine time it is armed for, or undefined. Saved by its owner, in ns of machine time. */
  readonly deadlineNs: number | undefined;
}

/** The only source of time for devices: machine time in ns, which stands still while paused. */
export interface Clock {
  nowNs(): number;
  /** `fire` runs on the machine worker, never inside nowNs(). */
  timer(fire: () => void): Timer;
  /** Wall-clock time in ms since the epoch that corresponds to nowNs() (for the RTC, kvmclock). */
  wallMs(): number;
}

/** The only source of randomness for devices. */
export interface Entropy {
  fill(bytes: Uint8Array): void;
}

/**
 * Guest RAM as devices see it (DMA). Out-of-range reads give 0xff and writes are dropped, as on
 * the bus of a PC; `inRam` tells. Writes drop translations of code that they overwrite.
 */
export interface DmaMemory {
  inRam(address: GuestPhysical, length: number): boolean;
  readU8(address: GuestPhysical): number;
  readU16(address: GuestPhysical): number;
  readU32(address: GuestPhysical): number;
  readU64(address: GuestPhysical): bigint;
  writeU8(address: GuestPhysical, value: number): void;
  writeU16(address: GuestPhysical, value: number): void;
  writeU32(address: GuestPhysical, value: number): void;
  writeU64(address: GuestPhysical, value: bigint): void;
  /** Copies out of guest RAM into `target`. */
  read(address: GuestPhysical, target: Uint8Array): void;
  /** Copies `source` into guest RAM. */
  write(address: GuestPhysical, source: Uint8Array): void;
  /** RAM itself, of which inRam() is true: views, in order, of `length` bytes together. Who writes there calls wrote(). */
  views(address: GuestPhysical, length: number): Uint8Array[];
  wrote(address: GuestPhysical, length: number): void;
}
