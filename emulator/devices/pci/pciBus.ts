/**
 * PCI bus 0 with configuration mechanism #1 (PCI Local Bus 3.0 §3.2.2.3.2): CONFIG_ADDRESS at
 * 0xcf8, CONFIG_DATA at 0xcfc. The reset control register of PIIX3 (0xcf9) shares the first
 * dword and is passed on. No bridges: buses above 0 are empty.
 */
import type { InterruptSink } from '../../bus/interruptMessage.ts';
import { decodeMessageWrite, isMessageAddress } from '../../bus/interruptMessage.ts';
import { SharedIrq } from '../../bus/irq.ts';
import type { MemoryBus } from '../../bus/memoryBus.ts';
import type { PortBus } from '../../bus/portBus.ts';
import type {
  Device,
  DeviceId,
  IoRegion,
  IrqLine,
  VersionedState,
  Width,
} from '../../bus/types.ts';
import { StateError } from '../../bus/types.ts';
import type { PciFunction, PciSlot } from './pciFunction.ts';

const CONFIG_ENABLE = 0x80000000;

export interface PciBusParts {
  readonly ports: PortBus;
  readonly memory: MemoryBus;
  /** PIRQA..PIRQD, active high. */
  readonly pirqs: readonly IrqLine[];
  readonly sendMessage: InterruptSink;
  /** Byte accesses to port 0xcf9. */
  readonly resetControl: { read(): number; write(value: number): void };
}

export class PciBus implements Device {
  readonly id: DeviceId = 'pci';
  readonly #parts: PciBusParts;
  readonly #pirqs: readonly SharedIrq[];
  readonly #functions = new Map<number, PciFunction>();
  #address = 0;

  constructor(parts: PciBusParts) {
    this.#parts = parts;
    this.#pirqs = parts.pirqs.map((line) => new SharedIrq(line));
  }

  /** The place 00:device.function, to build a function for. */
  slot(device: number, fn = 0): PciSlot {
    const { ports, memory, sendMessage } = this.#parts;
    return {
      device,
      function: fn,
      ports,
      memory,
      interruptLine: (pin) => {
        const shared = this.#pirqs[pirqOf(device, pin)];
        if (shared === undefined) throw new RangeError('a PCI bus needs four PIRQ lines');
        return shared.input();
      },
      sendMessage: (address, data) => {
        // Any other address is a plain memory write; no driver does that to a PC.
        if (isMessageAddress(address)) sendMessage(decodeMessageWrite(address, data));
      },
    };
  }

  plug(fn: PciFunction): void {
    const { device, function: number } = fn.config.slot;
    const key = device * 8 + number;
    if (this.#functions.has(key)) throw new RangeError(`PCI slot ${device}.${number} is taken`);
    this.#functions.set(key, fn);
  }

  functions(): readonly PciFunction[] {
    return [...this.#functions.entries()].sort((a, b) => a[0] - b[0]).map(([, fn]) => fn);
  }

  /** For port 0xcf8, 8 ports. */
  readonly region: IoRegion = {
    read: (offset, width) => {
      if (offset >= 4) return this.#readData(offset - 4, width);
      if (offset === 0 && width === 4) return this.#address;
      if (offset === 1 && width === 1) return this.#parts.resetControl.read();
      return width === 1 ? 0xff : width === 2 ? 0xffff : 0xffffffff;
    },
    write: (offset, width, value) => {
      if (offset >= 4) this.#writeData(offset - 4, width, value);
      else if (offset === 0 && width === 4) this.#address = (value & 0x80fffffc) >>> 0;
      else if (offset === 1 && width === 1) this.#parts.resetControl.write(value);
    },
  };

  #target(): PciFunction | undefined {
    if ((this.#address & CONFIG_ENABLE) === 0 || ((this.#address >>> 16) & 0xff) !== 0) {
      return undefined;
    }
    return this.#functions.get((this.#address >>> 8) & 0xff);
  }

  #readData(lane: number, width: Width): number {
    const target = this.#target();
    if (target === undefined) return width === 1 ? 0xff : width === 2 ? 0xffff : 0xffffffff;
    if (lane + width > 4) return 0xffffffff >>> (32 - 8 * width);
    return target.config.read((this.#address & 0xfc) + lane, width);
  }

  #writeData(lane: number, width: Width, value: number): void {
    if (lane + width <= 4) {
      this.#target()?.config.write((this.#address & 0xfc) + lane, width, value >>> 0);
    }
  }

  reset(): void {
    this.#address = 0;
  }

  save(): VersionedState {
    return { version: 1, data: { address: this.#address } };
  }

  load(state: VersionedState): void {
    const data = state.data as { address?: unknown } | undefined;
    if (state.version !== 1 || typeof data?.address !== 'number') {
      throw new StateError(`pci: unknown state version ${state.version}`);
    }
    this.#address = data.address;
  }
}

/** Index of the PIRQ that a pin (1 = INTA) of a device is wired to, rotated as on 440FX boards. */
export function pirqOf(device: number, pin: number): number {
  return (device + pin - 2) & 3;
}
