/** Figures of a machine over time, from its counters. */
export interface CounterSample {
  /** Milliseconds. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Per second, per cent of one CPU, or amounts; null where two samples have no answer (a reset). */
export interface Figures {
  readonly at: number;
  /** Per cent of the time in which guest code ran. */
  readonly guestCpu: number | null;
  /** Per cent of one host CPU that the machine's process took. */
  readonly hostCpu: number | null;
  /** Bytes of host memory. */
  readonly memory: number | null;
  readonly diskRead: number | null;
  readonly diskWritten: number | null;
  readonly netIn: number | null;
  readonly netOut: number | null;
  readonly portAccesses: number | null;
  readonly mmioAccesses: number | null;
  readonly interrupts: number | null;
  /** Millions of instructions per second. */
  readonly mips: number | null;
  /** Per cent of instructions in translated code. */
  readonly translated: number | null;
  readonly regions: number | null;
}

export function figures(before: CounterSample, now: CounterSample): Figures {
  const seconds = (now.at - before.at) / 1000;
  const grown = (name: string): number | null => {
    const [from, to] = [before.values[name], now.values[name]];
    return from === undefined || to === undefined || to < from || seconds <= 0 ? null : to - from;
  };
  const rate = (name: string): number | null => scaled(grown(name), 1 / seconds);
  const level = (name: string): number | null => now.values[name] ?? null;
  const retired = grown('instructions');
  const inRegions = grown('regionInstructions');
  return {
    at: now.at,
    guestCpu: capped(scaled(rate('runningMs'), 0.1), 100),
    hostCpu: scaled(rate('processCpuMs'), 0.1),
    memory: level('residentBytes'),
    diskRead: rate('diskReadBytes'),
    diskWritten: rate('diskWrittenBytes'),
    netIn: rate('bytesIn'),
    netOut: rate('bytesOut'),
    portAccesses: rate('portAccesses'),
    mmioAccesses: rate('mmioAccesses'),
    interrupts: rate('interrupts'),
    mips: scaled(rate('instructions'), 1e-6),
    translated:
      retired !== null && retired > 0 && inRegions !== null
        ? Math.min(100, (100 * inRegions) / retired)
        : null,
    regions: level('regionsLive'),
  };
}

const scaled = (value: number | null, factor: number): number | null =>
  value === null ? null : value * factor;
const capped = (value: number | null, most: number): number | null =>
  value === null ? null : Math.min(value, most);

/** The network counters of all adapters together, whose names begin with the adapter's. */
export function summed(counters: Readonly<Record<string, number>>): Record<string, number> {
  const sums: Record<string, number> = { ...counters };
  for (const name of ['bytesIn', 'bytesOut'])
    sums[name] = Object.entries(counters)
      .filter(([key]) => key === name || key.endsWith(`.${name}`))
      .reduce((sum, [, value]) => sum + value, 0);
  return sums;
}
