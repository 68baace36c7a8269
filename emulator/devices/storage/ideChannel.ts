/**
 * An IDE channel: the command and control block registers of two drives on a cable (ATA/ATAPI-7 volume 2
 * §9, §10.3), and its interrupt.
 */
import type { IoRegion, IrqLine, VersionedState, Width } from '../../bus/types.ts';
import { StateError } from '../../bus/types.ts';
import { ataCommand, DEVICE_SECOND, status } from './ata.ts';
import type { AtaDisk } from './ataDisk.ts';
import type { AtapiCdrom } from './atapiCdrom.ts';
import { BusMasterIde } from './busMasterIde.ts';
import { IdeUnit } from './ideUnit.ts';
import type { DmaMemory } from '../../bus/types.ts';

/** Device control register. */
const CONTROL_NO_INTERRUPT = 0x02;
const CONTROL_RESET = 0x04;
const CONTROL_HIGH_ORDER = 0x80;

export interface IdeChannelParts {
  readonly irq: IrqLine;
  readonly memory: DmaMemory;
  /** Device 0 and device 1. */
  readonly drives: readonly [AtaDisk | AtapiCdrom | undefined, AtaDisk | AtapiCdrom | undefined];
  readonly onHostFailure: (error: Error) => void;
}

export class IdeChannel {
  readonly busMaster: BusMasterIde;
  readonly #irq: IrqLine;
  readonly #units: readonly (IdeUnit | undefined)[];
  #device = 0;
  #control = 0;

  constructor({ irq, memory, drives, onHostFailure }: IdeChannelParts) {
    this.#irq = irq;
    this.busMaster = new BusMasterIde(memory, () => this.#selected?.goOn());
    this.#units = drives.map(
      (drive) =>
        drive &&
        new IdeUnit({
          drive,
          busMaster: this.busMaster,
          interruptChanged: () => this.#updateIrq(),
          onHostFailure,
        }),
    );
  }

  get #selected(): IdeUnit | undefined {
    return this.#units[(this.#device & DEVICE_SECOND) === 0 ? 0 : 1];
  }

  #updateIrq(): void {
    const enabled = (this.#control & CONTROL_NO_INTERRUPT) === 0;
    this.#irq.set(enabled && this.#selected?.interrupt === true);
  }

  /** Ports 0x1f0 to 0x1f7: the data register takes 16 and 32 bits. */
  readonly commandRegion: IoRegion = {
    read: (offset, width) => {
      if (offset === 0) return this.#selected?.readData(width) ?? 0;
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#read(offset + i);
      return value;
    },
    write: (offset, width, value) => {
      if (offset === 0) this.#selected?.writeData(width, value);
      else for (let i = 0; i < width; i++) this.#write(offset + i, (value >>> (8 * i)) & 0xff);
    },
  };

  /** Port 0x3f6: alternate status and device control. */
  readonly controlRegion: IoRegion = {
    read: (_offset: number, _width: Width) => this.#selected?.status ?? 0,
    write: (_offset, _width, value) => this.#writeControl(value & 0xff),
  };

  #read(register: number): number {
    const unit = this.#selected;
    // Nobody drives the cable, and a resistor pulls bit 7 down.
    if (unit === undefined) return 0;
    const { task } = unit;
    const high = (this.#control & CONTROL_HIGH_ORDER) !== 0;
    switch (register) {
      case 1:
        return high ? task.featuresHigh : unit.error;
      case 2:
        return high ? task.countHigh : task.count;
      case 3:
      case 4:
      case 5:
        return ((high ? task.lbaHigh : task.lba) >>> (8 * (register - 3))) & 0xff;
      case 6:
        return (this.#device | 0xa0) & 0xff;
      default: {
        const value = unit.status;
        unit.acknowledge();
        return value;
      }
    }
  }

  #write(register: number, value: number): void {
    this.#control &= ~CONTROL_HIGH_ORDER;
    if (register === 6) {
      this.#device = value;
      this.#updateIrq();
    } else if (register === 7) return this.#command(value);
    // Both drives hear what is written, and keep the value before for LBA48.
    for (const unit of this.#units) {
      if (unit === undefined || (unit.status & (status.busy | status.request)) !== 0) continue;
      const { task } = unit;
      if (register === 1) {
        task.featuresHigh = task.features;
        task.features = value;
      } else if (register === 2) {
        task.countHigh = task.count;
        task.count = value;
      } else if (register === 6) task.device = value;
      else {
        const shift = 8 * (register - 3);
        const before = (task.lba >>> shift) & 0xff;
        const put = (word: number, byte: number): number =>
          (word & ~(0xff << shift)) | (byte << shift);
        task.lbaHigh = put(task.lbaHigh, before);
        task.lba = put(task.lba, value);
      }
    }
  }

  #command(command: number): void {
    if (command === ataCommand.diagnostic) {
      for (const unit of this.#units) unit?.resetDevice();
      this.#device = 0;
      this.#units[0]?.raise();
      return;
    }
    const unit = this.#selected;
    if (unit === undefined) return;
    if (command === ataCommand.deviceReset && unit.drive.kind === 'cdrom') {
      unit.resetDevice();
      return;
    }
    if ((unit.status & (status.busy | status.request)) !== 0) return;
    unit.task.command = command;
    unit.execute();
  }

  #writeControl(value: number): void {
    const before = this.#control;
    this.#control = value & (CONTROL_NO_INTERRUPT | CONTROL_RESET | CONTROL_HIGH_ORDER);
    if ((value & CONTROL_RESET) !== 0) {
      for (const unit of this.#units) unit?.holdInReset();
    } else if ((before & CONTROL_RESET) !== 0) {
      for (const unit of this.#units) unit?.resetDevice();
      this.#device = 0;
    }
    this.#updateIrq();
  }

  async settled(): Promise<void> {
    await Promise.all(this.#units.map((unit) => unit?.settled()));
  }

  resume(): void {
    for (const unit of this.#units) unit?.goOn();
  }

  reset(): void {
    this.#device = 0;
    this.#control = 0;
    this.busMaster.reset();
    for (const unit of this.#units) unit?.reset();
    this.#updateIrq();
  }

  save() {
    return {
      device: this.#device,
      control: this.#control,
      busMaster: this.busMaster.save(),
      units: this.#units.map((unit) => unit?.save() ?? { version: 0, data: {} }),
    };
  }

  load(state: {
    readonly device: number;
    readonly control: number;
    readonly busMaster: VersionedState;
    readonly units: readonly VersionedState[];
  }): void {
    if (state.units.length !== this.#units.length)
      throw new StateError('ide: wrong number of drives');
    this.#device = state.device;
    this.#control = state.control;
    this.busMaster.load(state.busMaster);
    this.#units.forEach((unit, i) => unit?.load(state.units[i] ?? { version: -1, data: {} }));
    this.#updateIrq();
  }
}
