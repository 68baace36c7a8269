/**
 * The threads on which V8 optimises translated code have lower priority than the vCPU: there are more of them than
 * a small host has cores, and a guest must not wait for its own code to become better. Linux only,
 * where threads have priorities of their own (setpriority(2), "NOTES").
 */
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/** Node's and Electron's names of V8's workers, as /proc cuts them off. */
const compilers = /^(node-)?V8Worker|^ThreadPoolForeg/;
/** Below the vCPU's own niceness. */
const lower = 10;
const lowest = 19;

export function lowerCompilerPriority(): void {
  if (process.platform !== 'linux') return;
  const niceness = Math.min(lowest, getPriority() + lower);
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      const name = readFileSync(`/proc/self/task/${thread}/comm`, 'latin1');
      if (compilers.test(name)) setPriority(Number(thread), niceness);
    } catch {
      // The thread has ended, or the system does not allow it: then all are equal.
    }
  }
}
