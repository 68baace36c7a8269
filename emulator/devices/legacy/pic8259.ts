/**
 * One Intel 8259A interrupt controller (datasheet 231468-003) with the edge/level control
 * register of the PIIX3 (82371SB §2.5.9). MCS-80 mode is left out: an x86 never uses it.
 */

export interface Pic8259State {
  readonly requests: number;
  readonly inService: number;
  readonly mask: number;
  readonly lines: number;
  readonly levelTriggered: number;
  readonly base: number;
  readonly lowest: number;
  readonly initStep: number;
  readonly needsIcw4: boolean;
  readonly single: boolean;
  readonly autoEoi: boolean;
  readonly rotateOnAutoEoi: boolean;
  readonly specialMask: boolean;
  readonly fullyNested: boolean;
  readonly readInService: boolean;
  readonly poll: boolean;
}

const powerOn: Pic8259State = {
  requests: 0,
  inService: 0,
  mask: 0,
  lines: 0,
  levelTriggered: 0,
  base: 0,
  lowest: 7,
  initStep: 0,
  needsIcw4: false,
  single: false,
  autoEoi: false,
  rotateOnAutoEoi: false,
  specialMask: false,
  fullyNested: false,
  readInService: false,
  poll: false,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Pic8259 {
  #s: Mutable<Pic8259State> = { ...powerOn };
  readonly #isMaster: boolean;
  readonly #elcrMask: number;
  readonly #changed: () => void;

  /** `changed` is called whenever `output` may have changed. */
  constructor(options: { isMaster: boolean; elcrMask: number; changed: () => void }) {
    this.#isMaster = options.isMaster;
    this.#elcrMask = options.elcrMask;
    this.#changed = options.changed;
  }

  /** Level of INT. */
  get output(): boolean {
    return this.#winner() >= 0;
  }

  /** Edge/level control register: bit set = level triggered. */
  get levelTriggered(): number {
    return this.#s.levelTriggered;
  }
  set levelTriggered(value: number) {
    this.#s.levelTriggered = value & this.#elcrMask;
  }

  /**
   * Requests that follow their line. The cascade input is one: the slave's INT drops in every INTA
   * cycle and rises again for its next request, which amounts to a level.
   */
  get #levels(): number {
    return this.#s.levelTriggered | (this.#isMaster ? 4 : 0);
  }

  setLine(irq: number, high: boolean): void {
    const s = this.#s;
    const bit = 1 << irq;
    const was = s.lines;
    s.lines = high ? was | bit : was & ~bit;
    if ((this.#levels & bit) !== 0) {
      s.requests = high ? s.requests | bit : s.requests & ~bit;
    } else if (high && (was & bit) === 0) {
      s.requests |= bit;
    }
    this.#changed();
  }

  /** INTA: the IRQ to serve, or -1 when the request has gone (spurious). */
  acknowledge(): number {
    const irq = this.#winner();
    if (irq >= 0) this.#serve(irq);
    this.#changed();
    return irq;
  }

  get base(): number {
    return this.#s.base;
  }

  #serve(irq: number): void {
    const s = this.#s;
    if (s.autoEoi) {
      if (s.rotateOnAutoEoi) s.lowest = irq;
    } else {
      s.inService |= 1 << irq;
    }
    // A level request stays as long as its line is high.
    if ((this.#levels & (1 << irq)) === 0) s.requests &= ~(1 << irq);
  }

  /** Rank of the best of `bits`: 0 is the highest priority, 8 none. */
  #rank(bits: number): number {
    for (let rank = 0; rank < 8; rank++) {
      if ((bits & (1 << ((this.#s.lowest + 1 + rank) & 7))) !== 0) return rank;
    }
    return 8;
  }

  #winner(): number {
    const s = this.#s;
    const rank = this.#rank(s.requests & ~s.mask);
    if (rank === 8) return -1;
    let blocking = s.inService;
    if (s.specialMask) blocking &= ~s.mask;
    // Special fully nested mode: a slave in service does not block its other requests.
    if (s.fullyNested && this.#isMaster) blocking &= ~4;
    return rank < this.#rank(blocking) ? (s.lowest + 1 + rank) & 7 : -1;
  }

  /** A0 = `offset`. */
  read(offset: number): number {
    const s = this.#s;
    if (s.poll) {
      s.poll = false;
      const irq = this.acknowledge();
      return irq < 0 ? 0 : 0x80 | irq;
    }
    if (offset === 1) return s.mask;
    return s.readInService ? s.inService : s.requests;
  }

  write(offset: number, value: number): void {
    if (offset === 0) {
      if ((value & 0x10) !== 0) this.#initialize(value);
      else if ((value & 0x08) !== 0) this.#ocw3(value);
      else this.#ocw2(value);
    } else {
      this.#writeData(value);
    }
    this.#changed();
  }

  /** ICW1: clears the edge sense, IMR, ISR and priorities. */
  #initialize(value: number): void {
    const { lines, levelTriggered, base } = this.#s;
    this.#s = {
      ...powerOn,
      lines,
      levelTriggered,
      base,
      requests: lines & (levelTriggered | (this.#isMaster ? 4 : 0)),
      initStep: 2,
      needsIcw4: (value & 1) !== 0,
      single: (value & 2) !== 0,
    };
  }

  #writeData(value: number): void {
    const s = this.#s;
    switch (s.initStep) {
      case 2:
        s.base = value & 0xf8;
        s.initStep = s.single ? (s.needsIcw4 ? 4 : 0) : 3;
        return;
      case 3:
        s.initStep = s.needsIcw4 ? 4 : 0;
        return;
      case 4:
        s.fullyNested = (value & 0x10) !== 0;
        s.autoEoi = (value & 2) !== 0;
        s.initStep = 0;
        return;
      default:
        s.mask = value;
    }
  }

  /** OCW2: EOI and rotation. */
  #ocw2(value: number): void {
    const s = this.#s;
    const level = value & 7;
    const rank = this.#rank(s.specialMask ? s.inService & ~s.mask : s.inService);
    const highest = (s.lowest + 1 + rank) & 7;
    switch (value >>> 5) {
      case 0:
        s.rotateOnAutoEoi = false;
        return;
      case 4:
        s.rotateOnAutoEoi = true;
        return;
      case 1:
      case 5:
        if (rank === 8) return;
        s.inService &= ~(1 << highest);
        if (value >>> 5 === 5) s.lowest = highest;
        return;
      case 3:
        s.inService &= ~(1 << level);
        return;
      case 6:
        s.lowest = level;
        return;
      case 7:
        s.inService &= ~(1 << level);
        s.lowest = level;
    }
  }

  #ocw3(value: number): void {
    const s = this.#s;
    if ((value & 0x40) !== 0) s.specialMask = (value & 0x20) !== 0;
    if ((value & 4) !== 0) s.poll = true;
    else if ((value & 2) !== 0) s.readInService = (value & 1) !== 0;
  }

  reset(): void {
    this.#s = { ...powerOn, lines: this.#s.lines };
  }

  save(): Pic8259State {
    return { ...this.#s };
  }

  load(state: Pic8259State): void {
    this.#s = { ...state };
  }
}
