/** Copies a machine's RAM into a file on a thread of its own, so that the machine can run meanwhile. */
import { Worker } from 'node:worker_threads';

export interface RamWriterData {
  readonly path: string;
  /** RAM, live: where it lies in the shared memory. A view would lose the upper bits of its length on the way (V8 14.6). */
  readonly memory: ArrayBufferLike;
  readonly offset: number;
  readonly length: number;
}

export type RamWriterTask =
  | { readonly kind: 'copyAll' }
  /** Rising page numbers. */
  | { readonly kind: 'copyPages'; readonly pages: Uint32Array }
  /** Pages whose bytes have been copied already. */
  | { readonly kind: 'write'; readonly pages: Uint32Array; readonly bytes: Uint8Array }
  /** Everything is durable; the thread ends. */
  | { readonly kind: 'finish' };

export class RamWriter {
  readonly #worker: Worker;
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #failure: Error | undefined;

  /** Makes the file, sparse where RAM is empty. Failures come with the tasks. */
  constructor(path: string, ram: Uint8Array) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const { buffer: memory, byteOffset: offset, length } = ram;
    this.#worker = new Worker(new URL(`./ramWriterWorker.${extension}`, import.meta.url), {
      workerData: { path, memory, offset, length } satisfies RamWriterData,
    });
    this.#worker.on('message', (error: Error | undefined) => {
      const waiting = this.#waiting.shift();
      if (error === undefined) waiting?.resolve();
      else waiting?.reject(error);
    });
    const fail = (error: Error): void => {
      this.#failure ??= error;
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    };
    this.#worker.on('error', (error) => fail(error as Error));
    this.#worker.on('exit', () => fail(new Error('The thread that saves RAM has ended.')));
  }

  /** Rejects with the host's error (ENOSPC, …). */
  async run(task: RamWriterTask): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    this.#worker.postMessage(task, task.kind === 'write' ? [task.bytes.buffer as ArrayBuffer] : []);
    await waiting.promise;
  }

  async abandon(): Promise<void> {
    await this.#worker.terminate();
  }
}
