/** How a disk of a machine is used beside its image: caching, limits, zeroes that are noticed. */
import type { DiskConfig } from '../../shared/vm/config.ts';
import type { BlockBackend } from '../backends/block.ts';
import { isZero, totalLength } from '../block/bufferList.ts';

/** What may be saved up of a limit while nothing happens. */
const burstMs = 100;

/** Lets through at most `rate` units a second in the long run, in the order of their coming. Host time. */
export class RateLimit {
  readonly #msPerUnit: number;
  /** When what has been let through so far is paid for. */
  #paidUntil = 0;

  constructor(rate: number) {
    this.#msPerUnit = 1000 / rate;
  }

  async take(units: number): Promise<void> {
    const now = performance.now();
    const from = Math.max(now - burstMs, this.#paidUntil);
    this.#paidUntil = from + units * this.#msPerUnit;
    const wait = this.#paidUntil - now;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

type Policies = Pick<DiskConfig, 'cache' | 'detectZeroes' | 'limits' | 'shareable'>;

/** The same disk under its policies; without any it is the disk itself. */
export function withPolicies(disk: BlockBackend, policies: Policies): BlockBackend {
  const { cache, detectZeroes = false, limits } = policies;
  // What one VM has written may be all that another goes on from.
  const durable = cache === 'writethrough' || policies.shareable === true;
  if (!durable && !detectZeroes && limits === undefined) return disk;
  const bytes = limits?.bytesPerSecond && new RateLimit(limits.bytesPerSecond);
  const operations = limits?.iops && new RateLimit(limits.iops);
  const wait = async (length: number): Promise<void> => {
    await (operations ? operations.take(1) : undefined);
    await (bytes ? bytes.take(length) : undefined);
  };
  const limited: BlockBackend = {
    get size() {
      return disk.size;
    },
    readOnly: disk.readOnly,
    read: async (offset, buffers) => {
      await wait(totalLength(buffers));
      await disk.read(offset, buffers);
    },
    write: async (offset, buffers) => {
      const length = totalLength(buffers);
      await wait(length);
      if (detectZeroes && disk.writeZeroes && buffers.every(isZero))
        await disk.writeZeroes(offset, length);
      else if (durable && disk.writeDurable) return disk.writeDurable(offset, buffers);
      else await disk.write(offset, buffers);
      if (durable) await disk.flush();
    },
    flush: () => disk.flush(),
    close: () => disk.close(),
  };
  if (disk.discard)
    limited.discard = async (offset, length) => {
      await wait(0);
      await disk.discard?.(offset, length);
      if (durable) await disk.flush();
    };
  if (disk.writeZeroes)
    limited.writeZeroes = async (offset, length) => {
      await wait(0);
      await disk.writeZeroes?.(offset, length);
      if (durable) await disk.flush();
    };
  return limited;
}
