/**
 * ACPI fixed hardware (ACPI 6.4 §4.8.3) as the 82371AB (PIIX4) lays it out in its power
 * management block (datasheet 290562-001 §7.2): PM1a event and control, PM timer, one general
 * purpose event block. The chip knows registers and time, not PCI.
 */
import { loadDeadline, savedDeadline } from '../../bus/deviceState.ts';
import type { Clock, IoRegion, Timer, Width } from '../../bus/types.ts';

/** Offsets in the block. */
export const pmOffsets = { event: 0x00, control: 0x04, timer: 0x08, generalEvent: 0x0c } as const;
export const pmBlockSize = 0x40;
export const pmTimerHz = 3_579_545;

/** PM1 status and enable bits, §4.8.3.1. */
const TIMER = 0x0001;
const GLOBAL = 0x0020;
const POWER_BUTTON = 0x0100;
const RTC = 0x0400;
const EVENTS = TIMER | GLOBAL | POWER_BUTTON | RTC;
const WAKE = 0x8000;
/** PM1 control bits, §4.8.3.2.1. */
const SCI_ENABLE = 0x0001;
const SLEEP_TYPE_SHIFT = 10;
const SLEEP_ENABLE = 0x2000;
/** Sleep type of S5, "soft off" (82371AB §7.2.3); the \_S5 object says the same. */
export const softOffType = 0;
/** What a write to PM1 control has to be for soft off: SLP_EN and that type. */
export const softOffCommand = 0x2000 | (softOffType << 10);

/** The timer's bit 23 is the one whose change sets TMR_STS (§4.8.3.3). */
const timerHalfTicks = 2 ** 23;

export interface AcpiPmHost {
  readonly clock: Clock;
  sci(high: boolean): void;
  powerOff(): void;
}

export class AcpiPm {
  readonly #host: AcpiPmHost;
  readonly #timer: Timer;
  #status = 0;
  #enable = 0;
  #control = 0;
  #generalStatus = 0;
  #generalEnable = 0;
  /** Half-periods of the PM timer that TMR_STS has been raised for. */
  #seenHalf = 0;

  constructor(host: AcpiPmHost) {
    this.#host = host;
    this.#timer = host.clock.timer(() => this.#update());
  }

  pressPowerButton(): void {
    this.#status |= POWER_BUTTON;
    this.#update();
  }

  /** SMI_CMD: what SMM firmware does for ACPI_ENABLE and ACPI_DISABLE (§4.8.3.2.1). */
  enableAcpi(enabled: boolean): void {
    this.#control = enabled ? this.#control | SCI_ENABLE : this.#control & ~SCI_ENABLE;
    this.#update();
  }

  #ticks(): number {
    return Math.floor((this.#host.clock.nowNs() * pmTimerHz) / 1e9);
  }

  #update(): void {
    const half = Math.floor(this.#ticks() / timerHalfTicks);
    if (half !== this.#seenHalf) {
      this.#seenHalf = half;
      this.#status |= TIMER;
    }
    this.#driveSci();
    if ((this.#enable & TIMER) !== 0 && (this.#status & TIMER) === 0) {
      this.#timer.arm(Math.ceil(((half + 1) * timerHalfTicks * 1e9) / pmTimerHz) + 1);
    } else {
      this.#timer.cancel();
    }
  }

  #driveSci(): void {
    const pending =
      (this.#status & this.#enable & EVENTS) !== 0 ||
      (this.#generalStatus & this.#generalEnable) !== 0;
    this.#host.sci(pending && (this.#control & SCI_ENABLE) !== 0);
  }

  readonly region: IoRegion = {
    read: (offset, width) => {
      const word = this.#register(offset & ~3);
      const shifted = word >>> (8 * (offset & 3));
      return width === 4 ? shifted : shifted & (2 ** (8 * width) - 1);
    },
    write: (offset, width, value) => {
      for (let i = 0; i < width; i += 2)
        this.#write(offset + i, width, (value >>> (8 * i)) & 0xffff);
    },
  };

  /** The dword at an aligned offset. */
  #register(offset: number): number {
    switch (offset) {
      case pmOffsets.event:
        this.#update();
        return (this.#status | (this.#enable << 16)) >>> 0;
      case pmOffsets.control:
        return this.#control;
      case pmOffsets.timer:
        // 24 bits count, as the FADT says.
        return this.#ticks() % 2 ** 24;
      case pmOffsets.generalEvent:
        return (this.#generalStatus | (this.#generalEnable << 16)) >>> 0;
      default:
        return 0;
    }
  }

  /** A write of one or two bytes; byte writes reach half a register. */
  #write(offset: number, width: Width, value: number): void {
    const shift = 8 * (offset & 1);
    const mask = (width === 1 ? 0xff : 0xffff) << shift;
    const bits = (value << shift) & mask & 0xffff;
    const merge = (old: number): number => ((old & ~mask) | bits) & 0xffff;
    switch (offset & ~1) {
      case pmOffsets.event:
        this.#update();
        this.#status &= ~bits & (EVENTS | WAKE);
        break;
      case pmOffsets.event + 2:
        this.#enable = merge(this.#enable) & EVENTS;
        break;
      case pmOffsets.control:
        this.#writeControl(merge(this.#control));
        break;
      case pmOffsets.generalEvent:
        this.#generalStatus &= ~bits;
        break;
      case pmOffsets.generalEvent + 2:
        this.#generalEnable = merge(this.#generalEnable);
        break;
      default:
        return;
    }
    this.#update();
  }

  #writeControl(value: number): void {
    // SCI_EN is the firmware's, but an OS without SMI_CMD sets it here and expects it to stick.
    this.#control = value & ~SLEEP_ENABLE;
    if ((value & SLEEP_ENABLE) === 0) return;
    if (((value >>> SLEEP_TYPE_SHIFT) & 7) === softOffType) this.#host.powerOff();
  }

  reset(): void {
    this.#status = 0;
    this.#enable = 0;
    this.#control = 0;
    this.#generalStatus = 0;
    this.#generalEnable = 0;
    this.#seenHalf = Math.floor(this.#ticks() / timerHalfTicks);
    this.#update();
  }

  save() {
    return {
      status: this.#status,
      enable: this.#enable,
      control: this.#control,
      generalStatus: this.#generalStatus,
      generalEnable: this.#generalEnable,
      seenHalf: this.#seenHalf,
      deadlineNs: savedDeadline(this.#timer),
    };
  }

  load(state: ReturnType<AcpiPm['save']>): void {
    this.#status = state.status;
    this.#enable = state.enable;
    this.#control = state.control;
    this.#generalStatus = state.generalStatus;
    this.#generalEnable = state.generalEnable;
    this.#seenHalf = state.seenHalf;
    this.#driveSci();
    loadDeadline(this.#timer, state.deadlineNs);
  }
}
