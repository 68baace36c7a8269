/** The thread of one KVM vCPU: it does KVM_RUN and nothing else; the machine's thread serves its exits (kvmThreads.ts). */
import { workerData } from 'node:worker_threads';
import { loadHostCalls } from './hostCalls.ts';
import { KickSignal } from './kickSignal.ts';
import { request } from './kvmAbi.ts';
import { bell, cellsOf, threadState, type VcpuThreadData } from './vcpuThreadCells.ts';

const EINTR = -4;

const { cells: shared, index } = workerData as VcpuThreadData;
const calls = await loadHostCalls();
// The machine's thread has loaded the same library before.
if (calls === undefined) throw new Error('unreachable');
const cells = new Int32Array(shared);
const own = cellsOf(index);
const signal = new KickSignal(calls, new Uint8Array(new SharedArrayBuffer(0x100)));
Atomics.store(cells, own.thread, calls.call('gettid'));
for (;;) {
  let state = Atomics.load(cells, own.state);
  while (state === threadState.left) {
    Atomics.wait(cells, own.state, state);
    state = Atomics.load(cells, own.state);
  }
  if (state === threadState.ended) break;
  const result = calls.call('ioctl', Atomics.load(cells, own.fd), request.RUN, 0);
  if (result === EINTR) signal.take();
  Atomics.store(cells, own.result, result);
  Atomics.store(cells, own.state, threadState.left);
  Atomics.add(cells, bell, 1);
  Atomics.notify(cells, bell);
}
