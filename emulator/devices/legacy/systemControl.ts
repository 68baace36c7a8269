/**
 * The small system ports: 0x92 (PS/2 system control A: fast A20 and reset), 0x80 (POST code, also
 * the delay port), 0xcf9 (reset control, 82371SB §2.5.3). A20 is always open in this machine;
 * the bit only reads back.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { Device, DeviceId, IoRegion, VersionedState } from '../../bus/types.ts';

export class SystemControl implements Device {
  readonly id: DeviceId = 'system-control';
  readonly #requestReset: () => void;
  #portA = 0x02;
  #postCode = 0;
  #resetControl = 0;

  constructor(parts: { requestReset: () => void }) {
    this.#requestReset = parts.requestReset;
  }

  /** Port 0x92. */
  readonly portARegion: IoRegion = {
    read: () => this.#portA,
    write: (_offset, _width, value) => {
      const rising = (value & 1) !== 0 && (this.#portA & 1) === 0;
      this.#portA = value & 0xff;
      if (rising) this.#requestReset();
    },
  };

  /** Port 0x80. */
  readonly postRegion: IoRegion = {
    read: () => this.#postCode,
    write: (_offset, _width, value) => {
      this.#postCode = value & 0xff;
    },
  };

  /** Port 0xcf9, by way of the PCI bus. Bit 2 going high resets; bit 1 says how hard. */
  readonly resetControl = {
    read: (): number => this.#resetControl,
    write: (value: number): void => {
      const rising = (value & 4) !== 0 && (this.#resetControl & 4) === 0;
      this.#resetControl = value & 0x0e;
      if (rising) this.#requestReset();
    },
  };

  reset(): void {
    this.#portA = 0x02;
    this.#postCode = 0;
    this.#resetControl = 0;
  }

  save() {
    return {
      version: 1,
      data: { portA: this.#portA, postCode: this.#postCode, resetControl: this.#resetControl },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#portA = data.portA;
    this.#postCode = data.postCode;
    this.#resetControl = data.resetControl;
  }
}
