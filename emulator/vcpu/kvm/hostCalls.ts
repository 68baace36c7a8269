/** System calls of Linux on x86-64, by koffi: what the KVM engine needs of the host. Numbers of arch/x86/entry/syscalls/syscall_64.tbl. */
import { constants } from 'node:os';

type Syscall = (
  number: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => number;

const numbers = {
  close: 3,
  mmap: 9,
  munmap: 11,
  rt_sigprocmask: 14,
  ioctl: 16,
  madvise: 28,
  rt_sigtimedwait: 128,
  gettid: 186,
  timer_create: 222,
  timer_settime: 223,
  timer_delete: 226,
  tgkill: 234,
  openat: 257,
} as const;

/** A system call has failed. `errno` is positive. */
export class HostCallError extends Error {
  override readonly name = 'HostCallError';
  readonly errno: number;

  constructor(what: string, errno: number) {
    super(`${what}: ${errorName(errno)}`);
    this.errno = errno;
  }
}

function errorName(errno: number): string {
  const known = Object.entries(constants.errno).find(([, number]) => number === errno);
  return known?.[0] ?? `error ${errno}`;
}

export interface HostCalls {
  /** The result, or a negated errno. Pointers are plain numbers. */
  call(name: keyof typeof numbers, ...values: readonly number[]): number;
  /** Host address of a typed array's first byte. Its memory must not move: that of a shared buffer does not. */
  addressOf(bytes: Uint8Array): number;
}

/** Whether this system has such calls at all. */
export const hasHostCalls = process.platform === 'linux' && process.arch === 'x64';

/** Undefined where there are no such calls: another system or CPU, or no koffi. */
export async function loadHostCalls(): Promise<HostCalls | undefined> {
  if (!hasHostCalls) return undefined;
  try {
    const { default: koffi } = await import('koffi');
    const syscall = koffi
      .load(null)
      .func(
        'long syscall(long number, intptr_t a, intptr_t b, intptr_t c, intptr_t d, intptr_t e, intptr_t f)',
      ) as unknown as Syscall;
    return {
      call: (name, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0) => {
        const result = syscall(numbers[name], a, b, c, d, e, f);
        return result === -1 ? -koffi.errno() : result;
      },
      addressOf: (bytes) => Number(koffi.address(bytes)),
    };
  } catch {
    return undefined;
  }
}
