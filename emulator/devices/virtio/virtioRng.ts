/** Virtio entropy device (virtio 1.2 §5.4). */
import { checkedState } from '../../bus/deviceState.ts';
import type { Entropy, VersionedState } from '../../bus/types.ts';
import type { VirtioDevice, VirtioTransport } from './virtioDevice.ts';

/** What one request gets at most; drivers cope with less than they asked for. */
const mostBytes = 64 << 10;

export class VirtioRng implements VirtioDevice {
  readonly type = 4;
  readonly classCode = 0x00ff00;
  readonly features = 0n;
  readonly queueSizes = [64];
  readonly config = new Uint8Array(0);
  readonly #entropy: Entropy;
  #transport: VirtioTransport | undefined;

  constructor(parts: { readonly entropy: Entropy }) {
    this.#entropy = parts.entropy;
  }

  attach(transport: VirtioTransport): void {
    this.#transport = transport;
  }

  notified(index: number): void {
    const transport = this.#transport;
    const queue = transport?.queue(index);
    if (transport === undefined || queue === undefined) return;
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      // §5.4.6.1: only writable buffers, and at least one byte.
      if (chain.writableLength === 0) {
        transport.fail('an entropy request has no writable buffer');
        return;
      }
      const bytes = new Uint8Array(Math.min(chain.writableLength, mostBytes));
      this.#entropy.fill(bytes);
      queue.push(chain.head, queue.writeChain(chain, bytes));
    }
    queue.signal();
  }

  reset(): void {}

  save(): VersionedState {
    return { version: 1, data: {} };
  }

  load(state: VersionedState): void {
    checkedState('virtio entropy', state, this.save());
  }
}
