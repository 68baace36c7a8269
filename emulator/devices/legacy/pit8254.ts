/**
 * Intel 8254 programmable interval timer (datasheet 231164-005), all six modes, computed from
 * machine time rather than ticked. Left out: the one-clock delays between a write or trigger and
 * the load of the counting element.
 */

/** The PC's PIT clock, 14.31818 MHz / 12. */
export const pitHz = 1_193_182;
const nsPerTick = 1e9 / pitHz;

export interface PitChannelState {
  readonly mode: number;
  readonly bcd: boolean;
  /** 1 low byte, 2 high byte, 3 low then high. */
  readonly access: number;
  readonly gate: boolean;
  /** Count in effect, 1..65536 (or 10000); 0 before the first count of a mode. */
  readonly count: number;
  /** Count that takes over at the end of the period (modes 2 and 3), or 0. */
  readonly nextCount: number;
  /** Machine time of tick 0 of this counting; meaningless while `halted` ≥ 0. */
  readonly startNs: number;
  /** Ticks counted so far while the gate stops counting, else -1. */
  readonly halted: number;
  /** Modes 1 and 5 wait for a trigger. */
  readonly triggered: boolean;
  readonly writeLow: number;
  readonly writeHighNext: boolean;
  readonly readHighNext: boolean;
  /** Latched count and status, or -1. */
  readonly latchedCount: number;
  readonly latchedStatus: number;
}

const powerOn: PitChannelState = {
  mode: 0,
  bcd: false,
  access: 3,
  gate: true,
  count: 0,
  nextCount: 0,
  startNs: 0,
  halted: -1,
  triggered: false,
  writeLow: 0,
  writeHighNext: false,
  readHighNext: false,
  latchedCount: -1,
  latchedStatus: -1,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class PitChannel {
  #s: Mutable<PitChannelState> = { ...powerOn };

  reset(gate: boolean): void {
    this.#s = { ...powerOn, gate };
  }

  save(): PitChannelState {
    return { ...this.#s };
  }

  load(state: PitChannelState): void {
    this.#s = { ...state };
  }

  get #periodic(): boolean {
    return this.#s.mode === 2 || this.#s.mode === 3;
  }

  get #counting(): boolean {
    const s = this.#s;
    return s.count !== 0 && (s.triggered || (s.mode !== 1 && s.mode !== 5));
  }

  /** Ticks since counting started; takes over a new period's count on the way. */
  #elapsed(nowNs: number): number {
    const s = this.#s;
    if (s.halted >= 0) return s.halted;
    let ticks = Math.max(0, Math.floor((nowNs - s.startNs) / nsPerTick));
    if (s.nextCount !== 0 && ticks >= s.count) {
      s.startNs += s.count * nsPerTick;
      s.count = s.nextCount;
      s.nextCount = 0;
      ticks = Math.max(0, Math.floor((nowNs - s.startNs) / nsPerTick));
    }
    return ticks;
  }

  /** Level of OUT (datasheet, "Mode Definitions"). */
  output(nowNs: number): boolean {
    const s = this.#s;
    if (!this.#counting) return s.mode !== 0;
    const ticks = this.#elapsed(nowNs);
    switch (s.mode) {
      case 0:
      case 1:
        return ticks >= s.count;
      case 2:
        return !s.gate || ticks % s.count !== s.count - 1;
      case 3:
        return !s.gate || ticks % s.count < Math.ceil(s.count / 2);
      default:
        return ticks !== s.count;
    }
  }

  /** Machine time of the next rising edge of OUT after `nowNs`, or undefined. */
  nextRiseNs(nowNs: number): number | undefined {
    const s = this.#s;
    if (!this.#counting || s.halted >= 0 || (this.#periodic && !s.gate)) return undefined;
    const ticks = this.#elapsed(nowNs);
    const edge = this.#periodic
      ? (Math.floor(ticks / s.count) + 1) * s.count
      : s.count + (s.mode >= 4 ? 1 : 0);
    if (edge <= ticks) return undefined;
    // One more nanosecond, lest rounding puts the deadline just before its tick.
    return Math.ceil(s.startNs + edge * nsPerTick) + 1;
  }

  setGate(gate: boolean, nowNs: number): void {
    const s = this.#s;
    if (gate === s.gate) return;
    const rising = gate;
    switch (s.mode) {
      case 0:
      case 4:
        if (!this.#counting) break;
        if (rising) {
          s.startNs = nowNs - Math.max(0, s.halted) * nsPerTick;
          s.halted = -1;
        } else {
          s.halted = this.#elapsed(nowNs);
        }
        break;
      case 2:
      case 3:
        if (rising) {
          s.startNs = nowNs;
          if (s.nextCount !== 0) s.count = s.nextCount;
          s.nextCount = 0;
          s.halted = -1;
        } else if (this.#counting) {
          s.halted = this.#elapsed(nowNs);
        }
        break;
      default:
        if (rising && (s.count !== 0 || s.nextCount !== 0)) {
          if (s.nextCount !== 0) s.count = s.nextCount;
          s.nextCount = 0;
          s.startNs = nowNs;
          s.triggered = true;
        }
    }
    s.gate = gate;
  }

  get gate(): boolean {
    return this.#s.gate;
  }

  /** Control word for this channel (not latch, not read-back). */
  setMode(control: number): void {
    const s = this.#s;
    const mode = (control >>> 1) & 7;
    this.#s = {
      ...powerOn,
      gate: s.gate,
      access: (control >>> 4) & 3,
      // Bit 2 is ignored for modes 2 and 3.
      mode: mode > 5 ? mode - 4 : mode,
      bcd: (control & 1) !== 0,
      latchedStatus: s.latchedStatus,
    };
  }

  write(value: number, nowNs: number): void {
    const s = this.#s;
    if (s.access === 1) this.#loadCount(value, nowNs);
    else if (s.access === 2) this.#loadCount(value << 8, nowNs);
    else if (s.writeHighNext) {
      s.writeHighNext = false;
      this.#loadCount((value << 8) | s.writeLow, nowNs);
    } else {
      s.writeLow = value;
      s.writeHighNext = true;
      // Mode 0: the first byte stops counting.
      if (s.mode === 0) s.count = 0;
    }
  }

  #loadCount(raw: number, nowNs: number): void {
    const s = this.#s;
    const count = s.bcd ? fromBcd(raw) || 10000 : raw || 0x10000;
    if (this.#counting && this.#periodic) {
      this.#elapsed(nowNs);
      s.nextCount = count;
      return;
    }
    if (s.mode === 1 || s.mode === 5) {
      // Takes effect at the next trigger.
      if (s.count === 0) s.count = count;
      else s.nextCount = count;
      return;
    }
    s.count = count;
    s.startNs = nowNs;
    s.halted = s.gate ? -1 : 0;
  }

  #currentCount(nowNs: number): number {
    const s = this.#s;
    if (s.count === 0) return 0;
    const modulus = s.bcd ? 10000 : 0x10000;
    if (!this.#counting) return toRegister(s.count % modulus, s.bcd);
    const ticks = this.#elapsed(nowNs);
    let value: number;
    if (s.mode === 2) value = s.count - (ticks % s.count);
    else if (s.mode === 3) value = s.count - ((2 * ticks) % s.count);
    else value = (((s.count - ticks) % modulus) + modulus) % modulus;
    return toRegister(value % modulus, s.bcd);
  }

  latchCount(nowNs: number): void {
    if (this.#s.latchedCount < 0) this.#s.latchedCount = this.#currentCount(nowNs);
  }

  /** Read-back of status: OUT, null count, access, mode, BCD. */
  latchStatus(nowNs: number): void {
    const s = this.#s;
    if (s.latchedStatus >= 0) return;
    const isNull = s.count === 0 || s.nextCount !== 0;
    s.latchedStatus =
      (this.output(nowNs) ? 0x80 : 0) |
      (isNull ? 0x40 : 0) |
      (s.access << 4) |
      (s.mode << 1) |
      (s.bcd ? 1 : 0);
  }

  read(nowNs: number): number {
    const s = this.#s;
    if (s.latchedStatus >= 0) {
      const status = s.latchedStatus;
      s.latchedStatus = -1;
      return status;
    }
    const value = s.latchedCount >= 0 ? s.latchedCount : this.#currentCount(nowNs);
    if (s.access === 1) {
      s.latchedCount = -1;
      return value & 0xff;
    }
    if (s.access === 2) {
      s.latchedCount = -1;
      return value >>> 8;
    }
    s.readHighNext = !s.readHighNext;
    if (s.readHighNext) return value & 0xff;
    s.latchedCount = -1;
    return value >>> 8;
  }
}

function fromBcd(raw: number): number {
  return (
    ((raw >>> 12) & 15) * 1000 + ((raw >>> 8) & 15) * 100 + ((raw >>> 4) & 15) * 10 + (raw & 15)
  );
}

function toRegister(value: number, bcd: boolean): number {
  if (!bcd) return value & 0xffff;
  return (
    ((Math.floor(value / 1000) % 10) << 12) |
    ((Math.floor(value / 100) % 10) << 8) |
    ((Math.floor(value / 10) % 10) << 4) |
    (value % 10)
  );
}
