/** Frames in the order of the time they are due; those due at the same time in the order they came. */
export interface QueuedFrame {
  readonly bytes: Uint8Array;
  readonly dueMs: number;
  readonly order: number;
}

export class FrameQueue {
  readonly #heap: QueuedFrame[] = [];
  #order = 0;
  /** Bytes of all frames. */
  size = 0;

  get length(): number {
    return this.#heap.length;
  }
  get first(): QueuedFrame | undefined {
    return this.#heap[0];
  }

  push(bytes: Uint8Array, dueMs: number): void {
    const heap = this.#heap;
    const frame = { bytes, dueMs, order: this.#order++ };
    this.size += bytes.length;
    let at = heap.length;
    for (; at > 0;) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as QueuedFrame;
      if (before(above, frame)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = frame;
  }

  shift(): void {
    const heap = this.#heap;
    const [gone, last] = [heap[0], heap.pop()];
    if (gone === undefined || last === undefined) return;
    this.size -= gone.bytes.length;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && before(right, heap[child] as QueuedFrame)) child++;
      const below = heap[child] as QueuedFrame;
      if (before(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }

  clear(): void {
    this.#heap.length = 0;
    this.size = 0;
  }
}

const before = (a: QueuedFrame, b: QueuedFrame): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
