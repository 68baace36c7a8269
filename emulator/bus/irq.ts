import type { IrqLine } from './types.ts';

/** A wire that calls `sink` when its level changes. A pulse on a wire that is high does nothing. */
export class IrqWire implements IrqLine {
  #high = false;
  readonly #sink: (high: boolean) => void;

  constructor(sink: (high: boolean) => void) {
    this.#sink = sink;
  }

  get high(): boolean {
    return this.#high;
  }

  set(high: boolean): void {
    if (high === this.#high) return;
    this.#high = high;
    this.#sink(high);
  }

  pulse(): void {
    if (this.#high) return;
    this.set(true);
    this.set(false);
  }
}

/** A line that several sources share: it is high while any of them is (wired OR). */
export class SharedIrq {
  #holders = 0;
  readonly #output: IrqLine;

  constructor(output: IrqLine) {
    this.#output = output;
  }

  /** A new source of this line. */
  input(): IrqLine {
    return new IrqWire((high) => {
      this.#holders += high ? 1 : -1;
      this.#output.set(this.#holders > 0);
    });
  }
}

/** One source driving several wires, as an ISA IRQ drives both the 8259 and the I/O APIC. */
export class FanOut implements IrqLine {
  readonly #lines: readonly IrqLine[];

  constructor(lines: readonly IrqLine[]) {
    this.#lines = lines;
  }

  set(high: boolean): void {
    for (const line of this.#lines) line.set(high);
  }

  pulse(): void {
    for (const line of this.#lines) line.pulse();
  }
}

/** A pin that is wired to nothing. */
export const unconnected: IrqLine = { set: () => undefined, pulse: () => undefined };
