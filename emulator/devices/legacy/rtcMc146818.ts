/**
 * Motorola MC146818A real-time clock and CMOS RAM (datasheet ADI856R2) as PCs have it: 128 bytes
 * behind ports 0x70/0x71, century in byte 0x32, interrupts on IRQ 8. The time follows the clock's
 * wall time in UTC plus what the guest has set. Left out: daylight saving, square wave output,
 * time bases other than 32.768 kHz.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type {
  Clock,
  Device,
  DeviceId,
  IoRegion,
  IrqLine,
  Timer,
  VersionedState,
} from '../../bus/types.ts';
import { formatRtcTime, parseRtcTime, rtcTimeBytes } from './rtcTime.ts';

const SECONDS_ALARM = 1;
const REGISTER_A = 0x0a;
const REGISTER_B = 0x0b;
const REGISTER_C = 0x0c;
const REGISTER_D = 0x0d;
const CENTURY = 0x32;

/** Register A: update in progress. */
const A_UIP = 0x80;
const B_SET = 0x80;
/** Interrupt enables in B and flags in C have the same places. */
const PERIODIC = 0x40;
const ALARM = 0x20;
const UPDATE = 0x10;
const C_IRQ = 0x80;
const D_VALID = 0x80;

/** UIP rises 244 µs before an update, which takes 1984 µs (datasheet figure 16). */
const UPDATE_MS = 2.228;

export class RtcMc146818 implements Device {
  readonly id: DeviceId = 'rtc';
  readonly #clock: Clock;
  readonly #irq: IrqLine;
  readonly #timer: Timer;
  readonly #ram = new Uint8Array(128);
  readonly #initial: Uint8Array;
  #index = 0;
  /** Guest's time minus wall time, in ms. */
  #offsetMs = 0;
  #irqHigh = false;
  /** Last second of guest time, and periodic tick, whose flags have been raised. */
  #seenSecond = 0;
  #seenTick = 0;

  /** `cmos` gives bytes that firmware would have left, as [index, value]. */
  constructor(parts: {
    clock: Clock;
    irq: IrqLine;
    cmos?: readonly (readonly [number, number])[];
  }) {
    this.#clock = parts.clock;
    this.#irq = parts.irq;
    this.#timer = parts.clock.timer(() => this.#catchUp());
    this.#initial = new Uint8Array(128);
    this.#initial[REGISTER_A] = 0x26;
    this.#initial[REGISTER_B] = 0x02;
    for (const [index, value] of parts.cmos ?? []) this.#initial[index] = value;
    this.#ram.set(this.#initial);
    this.reset();
  }

  /** Ports 0x70 (index; bit 7 masks NMI and is kept by nobody) and 0x71 (data). */
  readonly region: IoRegion = byteRegion({
    read: (offset) => ((offset & 1) === 0 ? 0xff : this.#read(this.#index)),
    write: (offset, value) => {
      if ((offset & 1) === 0) this.#index = value & 0x7f;
      else this.#write(this.#index, value);
    },
  });

  #guestMs(): number {
    return this.#clock.wallMs() + this.#offsetMs;
  }

  get #held(): boolean {
    return ((this.#ram[REGISTER_B] ?? 0) & B_SET) !== 0;
  }

  #read(index: number): number {
    if (rtcTimeBytes.includes(index)) {
      if (!this.#held) this.#refresh();
      return this.#ram[index] ?? 0;
    }
    switch (index) {
      case REGISTER_A: {
        const left = 1000 - (((this.#guestMs() % 1000) + 1000) % 1000);
        const updating = !this.#held && left < UPDATE_MS;
        return ((this.#ram[REGISTER_A] ?? 0) & 0x7f) | (updating ? A_UIP : 0);
      }
      case REGISTER_C: {
        this.#catchUp();
        const flags = this.#ram[REGISTER_C] ?? 0;
        this.#ram[REGISTER_C] = 0;
        this.#setIrq(false);
        return flags;
      }
      case REGISTER_D:
        return D_VALID;
      default:
        return this.#ram[index] ?? 0xff;
    }
  }

  #write(index: number, value: number): void {
    if (rtcTimeBytes.includes(index)) {
      if (!this.#held) this.#refresh();
      this.#ram[index] = value;
      if (!this.#held) this.#take();
      return;
    }
    switch (index) {
      case REGISTER_A:
        this.#catchUp();
        this.#ram[REGISTER_A] = value & 0x7f;
        this.#seenTick = this.#tick();
        break;
      case REGISTER_B: {
        this.#catchUp();
        const wasHeld = this.#held;
        if (!wasHeld && (value & B_SET) !== 0) this.#refresh();
        // SET ends update interrupts (datasheet, register B).
        this.#ram[REGISTER_B] = (value & B_SET) !== 0 ? value & ~UPDATE : value;
        if (wasHeld && !this.#held) this.#take();
        break;
      }
      case REGISTER_C:
      case REGISTER_D:
        return;
      default:
        this.#ram[index] = value;
    }
    this.#updateIrq();
    this.#rearm();
  }

  /** Puts the present time into the time registers. */
  #refresh(): void {
    formatRtcTime(this.#guestMs(), this.#ram, this.#ram[REGISTER_B] ?? 0);
  }

  /** Makes the time registers the present time. */
  #take(): void {
    const set = parseRtcTime(this.#ram, this.#ram[REGISTER_B] ?? 0);
    // The divider chain is not reset by SET: the fraction of the second runs on.
    const fraction = ((this.#guestMs() % 1000) + 1000) % 1000;
    if (Number.isFinite(set)) this.#offsetMs = set + fraction - this.#clock.wallMs();
    this.#seenSecond = Math.floor(this.#guestMs() / 1000);
  }

  /** Period of the periodic interrupt in ns, or 0 (datasheet table 5, 32.768 kHz). */
  #periodNs(): number {
    const rate = (this.#ram[REGISTER_A] ?? 0) & 15;
    const divider = ((this.#ram[REGISTER_A] ?? 0) >>> 4) & 7;
    if (rate === 0 || divider !== 2) return 0;
    return (1e9 * 2 ** ((rate < 3 ? rate + 7 : rate) - 1)) / 32768;
  }

  #tick(): number {
    const period = this.#periodNs();
    return period === 0 ? 0 : Math.floor(this.#clock.nowNs() / period);
  }

  /** Raises the flags of everything that has happened since the last look. */
  #catchUp(): void {
    const tick = this.#tick();
    let flags = 0;
    if (tick !== this.#seenTick) {
      this.#seenTick = tick;
      flags |= PERIODIC;
    }
    const second = Math.floor(this.#guestMs() / 1000);
    if (!this.#held && second !== this.#seenSecond) {
      flags |= UPDATE;
      // After a jump of the host's clock at most a day of seconds can hold a new alarm.
      const first = Math.max(this.#seenSecond + 1, second - 86_399);
      for (let s = first; s <= second; s++) {
        if (this.#isAlarm(s)) {
          flags |= ALARM;
          break;
        }
      }
      this.#seenSecond = second;
    }
    this.#ram[REGISTER_C] = (this.#ram[REGISTER_C] ?? 0) | flags;
    this.#updateIrq();
    this.#rearm();
  }

  /** Alarm bytes of 0xc0 and above match anything (datasheet, "don't care" codes). */
  #isAlarm(second: number): boolean {
    const scratch = new Uint8Array(128);
    formatRtcTime(second * 1000, scratch, this.#ram[REGISTER_B] ?? 0);
    return [0, 2, 4].every((at) => {
      const alarm = this.#ram[at + SECONDS_ALARM] ?? 0;
      return alarm >= 0xc0 || alarm === scratch[at];
    });
  }

  #updateIrq(): void {
    const flags = (this.#ram[REGISTER_C] ?? 0) & 0x70;
    const high = (flags & (this.#ram[REGISTER_B] ?? 0)) !== 0;
    this.#ram[REGISTER_C] = flags | (high ? C_IRQ : 0);
    this.#setIrq(high);
  }

  #setIrq(high: boolean): void {
    this.#irqHigh = high;
    this.#irq.set(high);
  }

  /** A timer runs only for events whose interrupt is enabled; the rest is seen on reading C. */
  #rearm(): void {
    const enabled = this.#ram[REGISTER_B] ?? 0;
    const now = this.#clock.nowNs();
    let next = Infinity;
    if ((enabled & PERIODIC) !== 0 && this.#periodNs() !== 0) {
      next = Math.ceil((this.#seenTick + 1) * this.#periodNs()) + 1;
    }
    if ((enabled & (UPDATE | ALARM)) !== 0 && !this.#held) {
      const leftMs = 1000 - (((this.#guestMs() % 1000) + 1000) % 1000);
      next = Math.min(next, Math.ceil(now + leftMs * 1e6) + 1000);
    }
    if (next === Infinity) this.#timer.cancel();
    else this.#timer.arm(next);
  }

  /** A reset of the PC clears enables and flags; time and CMOS live on by battery. */
  reset(): void {
    this.#ram[REGISTER_B] = (this.#ram[REGISTER_B] ?? 0) & ~0x78;
    this.#ram[REGISTER_C] = 0;
    this.#index = 0;
    this.#seenSecond = Math.floor(this.#guestMs() / 1000);
    this.#seenTick = this.#tick();
    this.#timer.cancel();
    this.#setIrq(false);
  }

  save() {
    return {
      version: 1,
      data: {
        ram: this.#ram.slice(),
        index: this.#index,
        offsetMs: this.#offsetMs,
        irqHigh: this.#irqHigh,
        seenSecond: this.#seenSecond,
        seenTick: this.#seenTick,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#ram.set(data.ram);
    this.#index = data.index;
    this.#offsetMs = data.offsetMs;
    this.#seenSecond = data.seenSecond;
    this.#seenTick = data.seenTick;
    this.#setIrq(data.irqHigh);
    this.#rearm();
  }

  /** Where firmware keeps the century; ACPI's FADT names it. */
  static readonly centuryByte = CENTURY;
}
