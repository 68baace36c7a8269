import type { MemoryBus } from '../../bus/memoryBus.ts';
import type { Mapping, PortBus } from '../../bus/portBus.ts';
import type { Device, IoRegion, IrqLine } from '../../bus/types.ts';
import type { PciConfig } from './pciConfig.ts';

/**
 * A PCI function: a device with configuration space. It is built for a slot
 * (`bus.slot(device, function)`), creates its `PciConfig` there, and is then plugged with
 * `bus.plug(fn)`. Its save() contains `config.save()`, its load() calls `config.load()`, its
 * reset() `config.reset()`.
 */
export interface PciFunction extends Device {
  readonly config: PciConfig;
}

/** The place of a function: what the bus offers to it. */
export interface PciSlot {
  /** 0..31 */
  readonly device: number;
  /** 0..7 */
  readonly function: number;
  /** Where BARs are mapped; PciConfig does it. */
  readonly ports: PortBus;
  readonly memory: MemoryBus;
  /** The INTx wire of this slot, active high here; pin 1 is INTA. */
  interruptLine(pin: number): IrqLine;
  /** Sends a message-signalled interrupt: the write of `data` to `address` (SDM 3A §10.11). */
  sendMessage(address: number, data: number): void;
}

/** Fixed identification registers (PCI 3.0 §6.2.1). */
export interface PciIdentity {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Base class, sub-class and programming interface, as 0xccsspp. */
  readonly classCode: number;
  readonly subsystemVendor?: number;
  readonly subsystem?: number;
  /** 0 none, 1 INTA .. 4 INTD. */
  readonly interruptPin?: number;
  /** Set in function 0 of a device that has more functions. */
  readonly multiFunction?: boolean;
}

/** A base address register (PCI 3.0 §6.2.5). `size` is a power of two: ≥ 4 for io, ≥ 16 for memory. */
export interface BarSpec {
  readonly kind: 'io' | 'memory32' | 'memory64';
  readonly size: number;
  readonly prefetchable?: boolean;
  /** Registers; or `map`, for memory that the CPU reaches like RAM. */
  readonly region?: IoRegion;
  readonly map?: (start: number) => Mapping;
}
