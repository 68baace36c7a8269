/** What the BIOS has of the machine: memory, ports, clock, drives, and what it must be told. */
import type { BlockBackend } from '../../backends/block.ts';
import type { MemoryBus } from '../../bus/memoryBus.ts';
import type { PortBus } from '../../bus/portBus.ts';
import type { Clock, DmaMemory } from '../../bus/types.ts';
import type { BootAdapter } from './bootAdapter.ts';

export type DriveKind = 'floppy' | 'hdd' | 'cdrom';

/** A drive that can be booted from, in the order the user has given them. */
export interface BootDrive {
  readonly kind: DriveKind;
  /** For people: "IDE disk 1", "CD-ROM drive 1", "Floppy drive A". */
  readonly name: string;
  /** Undefined while the drive is empty. */
  readonly backend: BlockBackend | undefined;
}

/** Kinds of drives, and network adapters, in the order they are tried. */
export type BootOrder = readonly (DriveKind | 'network')[];

export interface MemoryRange {
  readonly start: number;
  readonly size: number;
  /** As in INT 15h E820h. */
  readonly type: number;
}

export interface BiosParts {
  readonly memory: DmaMemory;
  /** Video memory and ROMs outside RAM. */
  readonly mmio: MemoryBus;
  readonly ports: PortBus;
  readonly clock: Clock;
  readonly drives: readonly BootDrive[];
  readonly adapters: readonly BootAdapter[];
  readonly bootOrder: BootOrder;
  /** Waits for F12 before it boots. */
  readonly bootMenu: boolean;
  readonly memoryMap: readonly MemoryRange[];
  /** Bytes of RAM in all, for the start screen. */
  readonly ramSize: number;
  readonly comPorts: readonly number[];
  /** First of the trap ports. */
  readonly trapPort: number;
  /** PM1a control register and what powers off. */
  readonly powerOff: { readonly port: number; readonly value: number };
  readonly requestReset: () => void;
  /** The caller polls: the CPU may rest until an interrupt comes or `wake` is called. */
  readonly rest: () => void;
  /** A service that waited is done. */
  readonly wake: () => void;
  readonly onHostFailure: (error: Error) => void;
}
