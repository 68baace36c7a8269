import { IrqWire } from '../../bus/irq.ts';
import { checkedState } from '../../bus/deviceState.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type { Device, DeviceId, IoRegion, IrqLine, VersionedState } from '../../bus/types.ts';
import { Pic8259 } from './pic8259.ts';

/** The two 8259As of a PC: the slave's INT drives input 2 of the master. */
export class PicPair implements Device {
  readonly id: DeviceId = 'pic';
  readonly #master: Pic8259;
  readonly #slave: Pic8259;
  readonly #intr: IrqLine;
  /** ISA IRQ 0..15; 2 is the cascade and does nothing. */
  readonly lines: readonly IrqLine[];

  constructor(intr: IrqLine) {
    this.#intr = intr;
    // IRQ 0, 1, 2, 8 and 13 cannot be level triggered (82371SB §2.5.9).
    this.#master = new Pic8259({
      isMaster: true,
      elcrMask: 0xf8,
      changed: () => this.#intr.set(this.#master.output),
    });
    this.#slave = new Pic8259({
      isMaster: false,
      elcrMask: 0xde,
      changed: () => this.#master.setLine(2, this.#slave.output),
    });
    this.lines = Array.from(
      { length: 16 },
      (_, irq) =>
        new IrqWire((high) => {
          if (irq >= 8) this.#slave.setLine(irq - 8, high);
          else if (irq !== 2) this.#master.setLine(irq, high);
        }),
    );
  }

  /** The INTA cycles: the vector. A request that has gone gives IRQ 7 or 15. */
  acknowledge(): number {
    const irq = this.#master.acknowledge();
    if (irq !== 2) return this.#master.base + (irq < 0 ? 7 : irq);
    const slaveIrq = this.#slave.acknowledge();
    return this.#slave.base + (slaveIrq < 0 ? 7 : slaveIrq);
  }

  readonly masterRegion: IoRegion = byteRegion({
    read: (offset) => this.#master.read(offset),
    write: (offset, value) => this.#master.write(offset, value),
  });

  readonly slaveRegion: IoRegion = byteRegion({
    read: (offset) => this.#slave.read(offset),
    write: (offset, value) => this.#slave.write(offset, value),
  });

  /** Edge/level control, ports 0x4d0 and 0x4d1. */
  readonly levelRegion: IoRegion = byteRegion({
    read: (offset) => (offset === 0 ? this.#master : this.#slave).levelTriggered,
    write: (offset, value) => {
      (offset === 0 ? this.#master : this.#slave).levelTriggered = value;
    },
  });

  reset(): void {
    this.#slave.reset();
    this.#master.setLine(2, this.#slave.output);
    this.#master.reset();
    this.#intr.set(this.#master.output);
  }

  save() {
    return { version: 1, data: { master: this.#master.save(), slave: this.#slave.save() } };
  }

  load(state: VersionedState): void {
    const { master, slave } = checkedState(this.id, state, this.save());
    this.#slave.load(slave);
    this.#master.load(master);
    this.#intr.set(this.#master.output);
  }
}
