/**
 * Power management function of the 82371AB (PIIX4), function 3 (datasheet 290562-001 §7): the
 * ACPI block at PMBASE and the APM control port. Left out: SMBus, device monitors, SMI.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { Mapping } from '../../bus/portBus.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type { Clock, DeviceId, IoRegion, IrqLine, VersionedState } from '../../bus/types.ts';
import { AcpiPm, pmBlockSize } from './acpiPm.ts';
import { PciConfig } from './pciConfig.ts';
import type { PciFunction, PciSlot } from './pciFunction.ts';

/** PMBASE §7.1.27 and PMREGMISC §7.1.31. */
const PMBASE = 0x40;
const PMREGMISC = 0x80;
const PMIOSE = 1;
/** DEVACTB §7.1.24: writes to APMC raise an SMI. There is none here; SeaBIOS takes the bit as "set up already". */
const DEVACTB = 0x58;
const APMC_EN = 0x02000000;

/** Values for the APM control port that the FADT names (ours to choose). */
export const acpiEnableCommand = 0xf1;
export const acpiDisableCommand = 0xf0;

export class PowerManagementPiix4 implements PciFunction {
  readonly id: DeviceId = 'power-management';
  readonly config: PciConfig;
  readonly #pm: AcpiPm;
  #mapping: Mapping | undefined;
  #mappedAt = 0;
  #apm = [0, 0];

  /** `base` is where firmware would put the register block; without it, firmware does. */
  constructor(
    slot: PciSlot,
    parts: { clock: Clock; sci: IrqLine; base?: number | undefined; powerOff: () => void },
  ) {
    this.#pm = new AcpiPm({
      clock: parts.clock,
      sci: (high) => parts.sci.set(high),
      powerOff: parts.powerOff,
    });
    this.config = new PciConfig(slot, {
      vendor: 0x8086,
      device: 0x7113,
      revision: 3,
      classCode: 0x068000,
    });
    this.config.setDefault(PMBASE, 4, (parts.base ?? 0) | 1);
    this.config.setWritable(PMBASE, 4, 0xffc0);
    if (parts.base !== undefined) this.config.setDefault(PMREGMISC, 1, PMIOSE);
    this.config.setDefault(DEVACTB, 4, APMC_EN);
    this.config.setWritable(PMREGMISC, 1, PMIOSE);
    this.config.watch(PMBASE, 4, () => this.#map());
    this.config.watch(PMREGMISC, 1, () => this.#map());
    this.#map();
  }

  /** First port of the register block, or 0 while firmware has not placed it. */
  get base(): number {
    return this.#mappedAt;
  }

  pressPowerButton(): void {
    this.#pm.pressPowerButton();
  }

  /** APMC and APMS, ports 0xb2 and 0xb3. */
  readonly apmRegion: IoRegion = byteRegion({
    read: (offset) => this.#apm[offset] ?? 0xff,
    write: (offset, value) => {
      this.#apm[offset] = value;
      if (offset !== 0) return;
      if (value === acpiEnableCommand) this.#pm.enableAcpi(true);
      else if (value === acpiDisableCommand) this.#pm.enableAcpi(false);
    },
  });

  #map(): void {
    const enabled = (this.config.get(PMREGMISC, 1) & PMIOSE) !== 0;
    const base = enabled ? this.config.get(PMBASE, 2) & 0xffc0 : 0;
    if (base === this.#mappedAt) return;
    this.#mapping?.remove();
    this.#mappedAt = base;
    this.#mapping =
      base === 0 ? undefined : this.config.slot.ports.map(base, pmBlockSize, this.#pm.region);
  }

  reset(): void {
    this.config.reset();
    this.#pm.reset();
    this.#apm = [0, 0];
  }

  save() {
    return {
      version: 1,
      data: { config: this.config.save(), pm: this.#pm.save(), apm: [...this.#apm] },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.config.load(data.config);
    this.#apm = [...data.apm];
    this.#pm.load(data.pm);
  }
}
