/**
 * Pages of 2 MiB for a machine's memory, RAM and what the engine keeps beside it: fewer misses of the host's TLBs. madvise(2) of Linux, by koffi;
 * QEMU asks for them too.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const HUGEPAGE = 14;
/** Since Linux 6.1: of what is there already, now. A call ends at the first part that cannot be, such as one never written. */
const COLLAPSE = 25;
const hugePage = 2 ** 21;
/** Loading koffi takes 20 ms of a start; by then firmware and boot loader have done most of theirs. */
const startMs = 1000;

interface Host {
  addressOf(memory: Uint8Array): number;
  madvise(memory: Uint8Array, advice: number): Promise<void>;
}

async function loadHost(): Promise<Host> {
  const { default: koffi } = await import('koffi');
  const { async: call } = koffi
    .load(null)
    .func('int madvise(void *at, size_t length, int advice)') as unknown as {
    async(at: Uint8Array, length: number, advice: number, done: () => void): void;
  };
  return {
    addressOf: (memory) => Number(koffi.address(memory)),
    madvise: (memory, advice) =>
      new Promise((resolve) => call(memory, memory.length, advice, () => resolve())),
  };
}

/** A host that has none, or whose administrator forbids them, goes on with small ones. `signal` takes the wish back. */
export async function useHugePages(memory: Uint8Array, signal: AbortSignal): Promise<void> {
  if (process.platform !== 'linux') return;
  await sleep(startMs, undefined, { ref: false, signal });
  const { addressOf, madvise } = await loadHost();
  const first = -addressOf(memory) & (hugePage - 1);
  const whole = memory.subarray(first, memory.length - ((memory.length - first) % hugePage));
  await madvise(whole, HUGEPAGE);
  for (let at = 0; at < whole.length && !signal.aborted; at += hugePage)
    await madvise(whole.subarray(at, at + hugePage), COLLAPSE);
}
