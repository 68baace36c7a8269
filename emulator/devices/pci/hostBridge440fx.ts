/**
 * Intel 82441FX host bridge, 00:00.0 (datasheet 290549-001): identification and the PAM registers. Under
 * our own BIOS the shadow segments are plain RAM, and PAM is storage. Left out: AGP, DRAM timing
 * registers, SMRAM.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { DeviceId, VersionedState } from '../../bus/types.ts';
import { PciConfig } from './pciConfig.ts';
import type { PciFunction, PciSlot } from './pciFunction.ts';

/** PAM0..6 and SMRAM, §3.2.18 and §3.2.22. */
const PAM0 = 0x59;
const SMRAM = 0x72;

export class HostBridge440fx implements PciFunction {
  readonly id: DeviceId = 'host-bridge';
  readonly config: PciConfig;

  /** `shadow` is told what the PAM registers say; without it they read as firmware leaves them. */
  constructor(slot: PciSlot, shadow?: { set(pam: readonly number[]): void }) {
    this.config = new PciConfig(slot, {
      vendor: 0x8086,
      device: 0x1237,
      revision: 2,
      classCode: 0x060000,
    });
    for (let i = 0; i < 7; i++) {
      this.config.setWritable(PAM0 + i, 1, i === 0 ? 0xf0 : 0xff);
      // All segments open to reading and writing, as firmware leaves them when it is done.
      if (shadow === undefined) this.config.setDefault(PAM0 + i, 1, i === 0 ? 0x30 : 0x33);
    }
    if (shadow !== undefined) {
      const pam = (): number[] => [0, 1, 2, 3, 4, 5, 6].map((i) => this.config.get(PAM0 + i, 1));
      this.config.watch(PAM0, 7, () => shadow.set(pam()));
    }
    this.config.setDefault(SMRAM, 1, 0x02);
    this.config.setWritable(SMRAM, 1, 0x78);
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
