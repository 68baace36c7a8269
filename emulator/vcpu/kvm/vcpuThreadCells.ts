/** The words that a machine's thread shares with the threads of its vCPUs: an Int32Array, used by Atomics only. */

/** Counts what the machine's thread is to look at. */
export const bell = 0;

/** 64 bytes a vCPU, so that no two share a cache line. */
const stride = 16;

export interface VcpuThreadData {
  readonly cells: SharedArrayBuffer;
  readonly index: number;
}

export const threadState = {
  /** Outside of KVM_RUN, until the machine's thread says otherwise. */
  left: 0,
  running: 1,
  ended: 2,
} as const;

/** Places of vCPU `index`: its state; what KVM_RUN returned; the thread's ID, 0 until it has begun; the file descriptor for KVM_RUN. */
export const cellsOf = (
  index: number,
): {
  readonly state: number;
  readonly result: number;
  readonly thread: number;
  readonly fd: number;
} => {
  const first = stride * (index + 1);
  return { state: first, result: first + 1, thread: first + 2, fd: first + 3 };
};

export const cellBytes = (cpus: number): number => 4 * stride * (cpus + 1);
