import { readFileSync } from 'node:fs';

/** Memory of this process in MiB. */
export interface MemorySample {
  readonly seconds: number;
  /** Resident without the machine's memory, the largest mapping, which grows as the guest touches it. */
  readonly own: number;
  readonly resident: number;
  readonly heap: number;
  /** Resident executable memory that is no file: code that V8 has compiled, JavaScript and wasm. */
  readonly code: number;
}

const mib = (bytes: number): number => Math.round((bytes / 2 ** 20) * 10) / 10;

export function memorySample(): MemorySample {
  const { rss, heapUsed } = process.memoryUsage();
  const mappings: { size: number; resident: number; executable: boolean }[] = [];
  // proc(5): per mapping a line with its range, permissions and path, then sizes in kB.
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const [, from, to, permissions, path] =
      /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)$/.exec(line) ?? [];
    if (from !== undefined && to !== undefined) {
      // Reserved address space is no memory.
      const size = permissions?.startsWith('---') ? 0 : parseInt(to, 16) - parseInt(from, 16);
      const executable = permissions?.includes('x') === true && path === '';
      mappings.push({ size, resident: 0, executable });
    }
    const kib = /^Rss:\s+(\d+) kB/.exec(line)?.[1];
    const mapping = mappings.at(-1);
    if (kib !== undefined && mapping !== undefined) mapping.resident = Number(kib) * 1024;
  }
  const sum = (of: typeof mappings): number => of.reduce((n, { resident }) => n + resident, 0);
  const largest = mappings.reduce((a, b) => (b.size > a.size ? b : a));
  const own = sum(mappings.filter((mapping) => mapping !== largest));
  const code = sum(mappings.filter(({ executable }) => executable));
  return {
    seconds: Math.round(process.uptime()),
    own: mib(own),
    resident: mib(rss),
    heap: mib(heapUsed),
    code: mib(code),
  };
}

/** What grew: the peak of the last third against that of the third before it, beyond a tenth and 16 MiB. */
export function growth(samples: readonly MemorySample[]): string[] {
  const third = Math.floor(samples.length / 3);
  const peak = (from: number, of: keyof MemorySample): number =>
    Math.max(...samples.slice(from, from + third).map((sample) => sample[of]));
  return (['own', 'heap', 'code'] as const).flatMap((of) => {
    const [before, after] = [peak(third, of), peak(samples.length - third, of)];
    return after > before * 1.1 + 16 ? [`${of} grew from ${before} to ${after} MiB`] : [];
  });
}
