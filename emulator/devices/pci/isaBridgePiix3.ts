/**
 * Intel 82371SB (PIIX3) PCI-to-ISA bridge, function 0 (datasheet 290550-002): the routing of
 * PIRQA..D to ISA IRQs (§2.2.11, PIRQRC). Its ISA devices are chips of their own. Left out: APIC
 * and BIOS chip selects, DMA, which read back what is written.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { IrqWire } from '../../bus/irq.ts';
import type { DeviceId, IrqLine, VersionedState } from '../../bus/types.ts';
import { PciConfig } from './pciConfig.ts';
import type { PciFunction, PciSlot } from './pciFunction.ts';

/** PIRQRCA; B, C and D follow. */
export const pirqRouteControl = 0x60;
const ROUTE_DISABLED = 0x80;
/** ISA IRQs that a PIRQ can be routed to: 3-7, 9-12, 14, 15. */
const ROUTABLE = 0xdef8;

export class IsaBridgePiix3 implements PciFunction {
  readonly id: DeviceId = 'isa-bridge';
  readonly config: PciConfig;
  /** PIRQA..D from the PCI slots. */
  readonly pirqs: readonly IrqLine[];
  readonly #asserted = [false, false, false, false];
  readonly #isaInputs: ReadonlyMap<number, IrqLine>;
  readonly #initialRoutes: readonly number[];

  /** `isaIrqs[n]` is a source input of ISA IRQ n; `initialRoutes` is what firmware would program. */
  constructor(
    slot: PciSlot,
    parts: { isaIrqs: ReadonlyMap<number, IrqLine>; initialRoutes: readonly number[] },
  ) {
    this.#isaInputs = parts.isaIrqs;
    this.#initialRoutes = parts.initialRoutes;
    this.config = new PciConfig(slot, {
      vendor: 0x8086,
      device: 0x7000,
      revision: 0,
      classCode: 0x060100,
      multiFunction: true,
    });
    // Bus master, memory and I/O are fixed on (§2.2.3).
    this.config.setDefault(0x04, 2, 0x0007);
    this.config.setWritable(0x04, 2, 0x0008);
    for (let i = 0; i < 4; i++) {
      this.config.setDefault(pirqRouteControl + i, 1, this.#initialRoutes[i] ?? ROUTE_DISABLED);
      this.config.setWritable(pirqRouteControl + i, 1, 0x8f);
    }
    this.config.watch(pirqRouteControl, 4, () => this.#route());
    this.pirqs = this.#asserted.map(
      (_, index) =>
        new IrqWire((high) => {
          this.#asserted[index] = high;
          this.#route();
        }),
    );
  }

  #route(): void {
    let levels = 0;
    for (let i = 0; i < 4; i++) {
      const route = this.config.get(pirqRouteControl + i, 1);
      if ((route & ROUTE_DISABLED) !== 0 || ((1 << (route & 15)) & ROUTABLE) === 0) continue;
      if (this.#asserted[i] === true) levels |= 1 << (route & 15);
    }
    for (const [irq, line] of this.#isaInputs) line.set((levels & (1 << irq)) !== 0);
  }

  reset(): void {
    this.config.reset();
  }

  save() {
    return { version: 1, data: { config: this.config.save() } };
  }

  load(state: VersionedState): void {
    this.config.load(checkedState(this.id, state, this.save()).config);
  }
}

/** The ISA IRQs that need an input from the bridge. */
export const routableIsaIrqs: readonly number[] = Array.from({ length: 16 }, (_, n) => n).filter(
  (n) => (ROUTABLE & (1 << n)) !== 0,
);
