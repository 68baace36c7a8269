/**
 * AHCI controller like that of the Intel ICH9 (8086:2922; AHCI 1.3.1): six ports, registers at BAR 5,
 * INTx or one MSI. Left out: command completion coalescing, enclosure management.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { DeviceId, DmaMemory, IoRegion, VersionedState } from '../../bus/types.ts';
import { PciConfig } from '../pci/pciConfig.ts';
import type { PciFunction, PciSlot } from '../pci/pciFunction.ts';
import { AhciPort } from './ahciPort.ts';
import type { AtaDisk } from './ataDisk.ts';
import type { AtapiCdrom } from './atapiCdrom.ts';

const portCount = 6;
/** Native command queuing, 64-bit addresses, AHCI only, 3 Gbit/s, 32 slots, six ports (§3.1.1). */
const CAPABILITIES = 0xc024_0000 | (31 << 8) | (portCount - 1);
const VERSION = 0x0001_0301;
/** GHC, §3.1.2. */
const GHC_RESET = 1;
const GHC_INTERRUPTS = 2;
const GHC_AHCI = 0x8000_0000;
const PORTS = 0x100;
const PORT_SIZE = 0x80;

export interface AhciParts {
  readonly memory: DmaMemory;
  /** By port; up to six. */
  readonly drives: readonly (AtaDisk | AtapiCdrom | undefined)[];
  readonly onHostFailure: (error: Error) => void;
}

export class Ahci implements PciFunction {
  readonly id: DeviceId = 'ahci';
  readonly config: PciConfig;
  readonly #ports: readonly AhciPort[];
  readonly #msi: number;
  #control = GHC_AHCI;
  #pending = 0;

  constructor(slot: PciSlot, { memory, drives, onHostFailure }: AhciParts) {
    this.#ports = Array.from(
      { length: portCount },
      (_, index) =>
        new AhciPort({
          drive: drives[index],
          memory,
          interruptChanged: (raised) => this.#portInterrupt(index, raised),
          onHostFailure,
        }),
    );
    this.config = new PciConfig(slot, {
      ...{ vendor: 0x8086, device: 0x2922, revision: 2, classCode: 0x010601 },
      interruptPin: 1,
    });
    // MSI (PCI 3.0 §6.8.1): one message, 64-bit address.
    const body = new Uint8Array(12);
    body[0] = 0x80;
    const writable = Uint8Array.of(
      0x01,
      0,
      0xfc,
      0xff,
      0xff,
      0xff,
      0xff,
      0xff,
      0xff,
      0xff,
      0xff,
      0xff,
    );
    this.#msi = this.config.addCapability(0x05, body, writable);
    this.config.watch(this.#msi + 2, 2, () => this.#update(false));
    this.config.addBar(5, { kind: 'memory32', size: 0x1000, region: this.#region });
  }

  /** Plugs a drive into a port that has none. */
  attach(port: number, drive: AtaDisk): void {
    this.#ports[port]?.attach(drive);
  }

  /** Pulls a port's drive out, whatever it does; resolves when nothing uses it any more. */
  async detach(port: number): Promise<void> {
    await this.#ports[port]?.detach();
  }

  /** A port's interrupt bit: in IS once it has been raised, until the host clears it. */
  #portInterrupt(index: number, raised: boolean): void {
    if (raised) this.#pending |= 1 << index;
    this.#update(raised);
  }

  #update(raised: boolean): void {
    const high = this.#pending !== 0 && (this.#control & GHC_INTERRUPTS) !== 0;
    const msi = (this.config.get(this.#msi + 2, 2) & 1) !== 0;
    this.config.setInterrupt(high && !msi);
    if (high && raised && msi && this.config.busMaster)
      this.config.slot.sendMessage(
        this.config.get(this.#msi + 4, 4),
        this.config.get(this.#msi + 12, 2),
      );
  }

  readonly #region: IoRegion = {
    read: (offset, width) => {
      const value = this.#read(offset & ~3) >>> (8 * (offset & 3));
      return width === 4 ? value >>> 0 : value & (2 ** (8 * width) - 1);
    },
    write: (offset, width, value) => {
      // Registers are dwords (§3): part of one changes that part.
      const shift = 8 * (offset & 3);
      if (width === 4 && shift === 0) return this.#write(offset, value >>> 0);
      const mask = (2 ** (8 * width) - 1) * 2 ** shift;
      const base = this.#keeps(offset & ~3) ? this.#read(offset & ~3) : 0;
      this.#write(offset & ~3, ((base & ~mask) | ((value << shift) & mask)) >>> 0);
    },
  };

  /** Not a register whose bits are cleared or set by ones. */
  #keeps(offset: number): boolean {
    if (offset < PORTS) return offset !== 0x08;
    return ![0x10, 0x30, 0x34, 0x38].includes(offset & (PORT_SIZE - 1));
  }

  #read(offset: number): number {
    if (offset >= PORTS) {
      const port = this.#ports[Math.floor((offset - PORTS) / PORT_SIZE)];
      return port?.read((offset & (PORT_SIZE - 1)) >>> 2) ?? 0;
    }
    switch (offset) {
      case 0x00:
        return CAPABILITIES >>> 0;
      case 0x04:
        return this.#control >>> 0;
      case 0x08:
        return this.#pending;
      case 0x0c:
        return (1 << portCount) - 1;
      case 0x10:
        return VERSION;
      default:
        return 0;
    }
  }

  #write(offset: number, value: number): void {
    if (offset >= PORTS) {
      const port = this.#ports[Math.floor((offset - PORTS) / PORT_SIZE)];
      port?.write((offset & (PORT_SIZE - 1)) >>> 2, value);
    } else if (offset === 0x04) {
      if ((value & GHC_RESET) !== 0) return this.#resetController();
      this.#control = GHC_AHCI | (value & GHC_INTERRUPTS);
      this.#update(this.#pending !== 0);
    } else if (offset === 0x08) {
      this.#pending &= ~value;
      // A port that still has a cause keeps its bit.
      this.#ports.forEach((port, index) => {
        if (port.interrupting) this.#pending |= 1 << index;
      });
      this.#update(this.#pending !== 0);
    }
  }

  #resetController(): void {
    this.#control = GHC_AHCI;
    for (const port of this.#ports) port.reset();
    this.#pending = 0;
    this.#update(false);
  }

  async pause(): Promise<void> {
    await Promise.all(this.#ports.map((port) => port.settled()));
  }

  resume(): void {
    for (const port of this.#ports) port.goOn();
  }

  reset(): void {
    this.config.reset();
    this.#resetController();
  }

  save() {
    return {
      version: 1,
      data: {
        config: this.config.save(),
        ports: this.#ports.map((port) => port.save()),
        control: this.#control,
        pending: this.#pending,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#control = data.control;
    this.#pending = data.pending;
    this.#ports.forEach((port, i) => port.load(data.ports[i] ?? { version: -1, data: {} }));
    this.config.load(data.config);
    this.#update(false);
  }
}
