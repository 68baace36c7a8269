import type { BlockBackend } from '../backends/block.ts';
import type { CharacterBackend } from '../backends/character.ts';
import type { CpuModel } from '../../shared/vm/cpuModels.ts';
import type { InputEvent, PointerMode } from '../../shared/input/inputEvent.ts';
import type { RamWatch } from '../bus/ramWatch.ts';
import type { VersionedState } from '../bus/types.ts';
import type { BootOrder } from '../firmware/bios/biosMachine.ts';
import type { DriveSpec } from './drives.ts';
import type { FlashStore } from '../devices/legacy/cfiFlash.ts';
import type { AdapterSpec } from './adapters.ts';
import type { EngineName } from '../../shared/vm/engines.ts';
import type { Display } from '../devices/display/display.ts';

/** Everything a PC is built from; file contents are already read, backends already open. */
export interface MachineSpec {
  /** Guest RAM in bytes, a multiple of 1 MiB. */
  readonly memory: number;
  readonly cpus: number;
  readonly cpuModel: CpuModel;
  readonly engine: EngineName;
  /** Percent of a host CPU that the guest may take; all by default. Counted time knows none. */
  readonly cpuCap?: number;
  readonly boot: KernelBoot | BiosBoot;
  readonly drives: readonly DriveSpec[];
  /** Network adapters, at most eight; none by default. */
  readonly adapters?: readonly AdapterSpec[];
  /** Graphics card; none by default. */
  readonly display?: DisplaySpec;
  /** COM1.. in order; at most four. */
  readonly serial: readonly CharacterBackend[];
  /** Ports of the virtio console in order; the first is hvc0. */
  readonly consoles?: readonly CharacterBackend[];
  /** Bytes written to port 0xe9. */
  readonly debugConsole?: CharacterBackend;
  /** Port 0xf4 ends the machine with {kind: 'debugExit'}. */
  readonly debugExit: boolean;
  /** 'host' follows the host's clocks; 'counted' advances with executed instructions, for tests that must repeat. */
  readonly time: 'host' | { readonly counted: { readonly wallMs: number } };
}

/** A kernel that is loaded directly, without firmware. */
export interface KernelBoot {
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly commandLine: string;
}

/** Firmware boots from the drives: our BIOS, or another. */
export interface BiosBoot {
  readonly order: BootOrder;
  /** Wait for F12 before booting. */
  readonly menu: boolean;
  readonly external?: ExternalFirmware;
}

/** SeaBIOS, OVMF and their like. Sizes are multiples of 4096. */
export interface ExternalFirmware {
  /** The ROM, 128 KiB or more; it ends at 4 GiB. */
  readonly code: Uint8Array;
  /** Flash with UEFI variables. Without a store they last as long as the machine. */
  readonly variables?: { readonly contents: Uint8Array; readonly store?: FlashStore };
}

export interface DisplaySpec {
  readonly kind: 'std' | 'virtio';
  /** Bytes of video memory, a power of two from 1 MiB up. */
  readonly memory: number;
  /** What the monitor would like to show, in pixels. */
  readonly preferredSize: { readonly width: number; readonly height: number };
}

export type MachineEnd =
  | { readonly kind: 'powerOff' }
  | { readonly kind: 'debugExit'; readonly value: number }
  | { readonly kind: 'tripleFault'; readonly detail: string }
  | { readonly kind: 'failure'; readonly detail: string };

/** A saved machine without its RAM. */
export interface MachineParts {
  readonly version: number;
  readonly devices: Readonly<Record<string, VersionedState>>;
  readonly cpus: readonly VersionedState[];
  readonly timeNs: number;
  readonly wallMs: number;
}

export interface MachineState extends MachineParts {
  /** Guest RAM, whole. */
  readonly ram: Uint8Array;
}

/** One PC. Lives on one thread; runs in slices between which the thread's event loop breathes. */
export interface Machine {
  start(): void;
  /** Resolves when the vCPU stands still and no device has I/O in flight. */
  pause(): Promise<void>;
  resume(): void;
  /**
   * Moves the running or paused guest to another engine. Resolves with how long it stood still; rejects with UserError or StateError,
   * with the guest going on where it is.
   */
  switchEngine(name: EngineName): Promise<{ readonly pauseMs: number }>;
  reset(): void;
  pressPowerButton(): void;
  /** Whether disks can be plugged in and pulled out while it runs: it has a SATA controller. */
  readonly hotPlug: boolean;
  /** Plugs a disk into a free SATA port. */
  plugDisk(port: number, disk: BlockBackend): void;
  /** Pulls a disk out of its SATA port; resolves when nothing uses it any more. */
  unplugDisk(port: number): Promise<void>;
  /** What the user does with keyboard and pointer. */
  input(event: InputEvent): void;
  /** Which pointer motion the guest understands now. */
  readonly pointerMode: PointerMode;
  /** What the user wants; a machine that a host failure has stopped does not run. */
  readonly running: boolean;
  /** Only while paused or before start. */
  save(): MachineState;
  saveParts(): MachineParts;
  /** Without RAM in the state, `ram` has been filled before. */
  load(state: MachineParts & Partial<MachineState>): void;
  /** The whole guest RAM, live. */
  readonly ram: Uint8Array;
  readonly ramWatch: RamWatch | undefined;
  /** Resolves once, when the guest powers off or cannot go on. */
  readonly ended: Promise<MachineEnd>;
  /** Undefined without a graphics card. */
  readonly display: Display | undefined;
  counters(): Record<string, number>;
  dispose(): Promise<void>;
}
