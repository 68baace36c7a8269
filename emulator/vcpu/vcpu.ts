import type { VersionedState } from '../bus/types.ts';

/**
 * Why `run` came back.
 * - budget: the slice is used up, or `requestExit` was called
 * - halt: HLT with nothing pending; run again after an interrupt or at `nextTimerNs()`
 * - shutdown: triple fault
 * - failure: the engine met what it cannot run; `detail` says what, for the user
 */
export type VcpuExit =
  | { readonly reason: 'budget' | 'halt' | 'shutdown' }
  | { readonly reason: 'failure'; readonly detail: string };

/** How interrupts reach a local APIC: a message as on the system bus (SDM 3A §10.11). */
export interface ApicMessage {
  /** Destination APIC ID or logical set. */
  readonly destination: number;
  readonly logical: boolean;
  readonly vector: number;
  /** 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
  readonly delivery: number;
  readonly level: boolean;
}

/** What an engine needs from the machine. Calls are synchronous, on the vCPU's thread. */
export interface VcpuHost {
  portRead(port: number, width: 1 | 2 | 4): number;
  portWrite(port: number, width: 1 | 2 | 4, value: number): void;
  /** Physical accesses outside the memory slots. Addresses are exact below 2^53. */
  memoryRead(address: number, width: 1 | 2 | 4): number;
  memoryWrite(address: number, width: 1 | 2 | 4, value: number): void;
  /** INTA cycle of the 8259 pair: the vector. */
  acknowledgePic(): number;
  /** A level-triggered vector was ended at the local APIC. */
  endOfInterrupt(vector: number): void;
  /** Machine time in ns (fractions allowed), and the wall clock at the same moment in ms. */
  nowNs(): number;
  wallMs(): number;
}

/** A virtual CPU on any engine: wasm interpreter and translator, KVM, later HVF and WHPX. */
export interface Vcpu {
  readonly index: number;
  /** Runs about `budget` instructions (or the hardware equivalent). Never throws for a guest's misdeeds. */
  run(budget: number): VcpuExit;
  /** Makes run() return soon; callable from device code inside run(). */
  requestExit(): void;
  /** Level of the 8259's INTR wire (LINT0 / INTR pin). */
  setPicInterrupt(high: boolean): void;
  deliver(message: ApicMessage): void;
  /** Machine time of the next local-APIC timer event, or Infinity. */
  nextTimerNs(): number;
  /** Guest code in [address, address+length) was changed by DMA. */
  codeChanged(address: number, length: number): void;
  /** Power-on state (SDM 3A §9.1). */
  reset(): void;
  /** Registers for direct boot; unnamed ones keep their reset values. */
  setEntry(entry: EntryState): void;
  /** The one architectural state of all engines. */
  save(): VersionedState;
  load(state: VersionedState): void;
  /** Named counters for `guesthouse stats`. */
  counters(): Readonly<Record<string, number>>;
}

/** Entry registers of a loader: a flat segmentation and where to start. */
export interface EntryState {
  /** protected32: paging off, flat 4 GiB segments. long64: paging on at cr3, flat 64-bit. real16: as reset, at cs:ip. */
  readonly mode: 'real16' | 'protected32' | 'long64';
  readonly rip: number;
  readonly rsp?: number;
  readonly rax?: number;
  readonly rbx?: number;
  readonly rsi?: number;
  readonly rdi?: number;
  readonly cr3?: number;
  /** real16 only: segment of CS and of the data segments. */
  readonly cs?: number;
  readonly ds?: number;
  /** GDT the loader has laid out in guest memory (selectors 0x10 code, 0x18 data). */
  readonly gdt?: { readonly base: number; readonly limit: number };
}
