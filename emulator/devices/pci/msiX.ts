/**
 * MSI-X (PCI Local Bus 3.0 §6.8.2): capability, vector table and pending bits in a memory BAR of
 * their own, table at 0 and pending bits behind it.
 */
import type { IoRegion, VersionedState, Width } from '../../bus/types.ts';
import { StateError } from '../../bus/types.ts';
import type { PciConfig } from './pciConfig.ts';

const CAPABILITY_ID = 0x11;
/** Message Control, §6.8.2.3. */
const CONTROL_FUNCTION_MASK = 0x4000;
const CONTROL_ENABLE = 0x8000;
/** Vector Control, §6.8.2.9. */
const VECTOR_MASKED = 1;

export class MsiX implements IoRegion {
  readonly vectors: number;
  readonly #config: PciConfig;
  readonly #capability: number;
  readonly #pendingOffset: number;
  /** Four dwords a vector: address low, address high, data, vector control (§6.8.2.6-9). */
  readonly #table: Uint32Array;
  readonly #pending: Uint32Array;

  /** Adds the capability and memory BAR `bar` to `config`. 1..128 vectors. */
  constructor(config: PciConfig, options: { readonly vectors: number; readonly bar: number }) {
    const { vectors, bar } = options;
    this.vectors = vectors;
    this.#config = config;
    this.#table = new Uint32Array(vectors * 4);
    this.#pending = new Uint32Array(Math.ceil(vectors / 64) * 2);
    this.#pendingOffset = 0x800;
    const body = new Uint8Array(10);
    const view = new DataView(body.buffer);
    view.setUint16(0, vectors - 1, true);
    view.setUint32(2, bar, true);
    view.setUint32(6, this.#pendingOffset | bar, true);
    const writable = new Uint8Array(10);
    writable[1] = 0xc0;
    this.#capability = config.addCapability(CAPABILITY_ID, body, writable);
    config.addBar(bar, { kind: 'memory32', size: 0x1000, region: this });
    config.watch(this.#capability + 2, 2, () => this.#sendPending());
    this.reset();
  }

  /** The guest uses MSI-X: INTx must not be raised. */
  get enabled(): boolean {
    return (this.#control & CONTROL_ENABLE) !== 0;
  }

  get #control(): number {
    return this.#config.get(this.#capability + 2, 2);
  }

  /** Signals a vector: sent now, or noted as pending while masked. Does nothing when disabled. */
  trigger(vector: number): void {
    if (vector < 0 || vector >= this.vectors || !this.enabled) return;
    const masked =
      (this.#control & CONTROL_FUNCTION_MASK) !== 0 ||
      ((this.#table[vector * 4 + 3] ?? 0) & VECTOR_MASKED) !== 0 ||
      !this.#config.busMaster;
    const word = vector >>> 5;
    if (masked) {
      this.#pending[word] = (this.#pending[word] ?? 0) | (1 << (vector & 31));
      return;
    }
    this.#pending[word] = (this.#pending[word] ?? 0) & ~(1 << (vector & 31));
    this.#config.slot.sendMessage(this.#table[vector * 4] ?? 0, this.#table[vector * 4 + 2] ?? 0);
  }

  #sendPending(): void {
    if (!this.enabled) return;
    for (let vector = 0; vector < this.vectors; vector++) {
      if (((this.#pending[vector >>> 5] ?? 0) & (1 << (vector & 31))) !== 0) this.trigger(vector);
    }
  }

  /** Table and pending bits. Only aligned dwords are defined (§6.8.2); others read what is there. */
  read(offset: number, width: Width): number {
    let word = 0;
    if (offset < this.#table.length * 4) word = this.#table[offset >>> 2] ?? 0;
    else if (offset >= this.#pendingOffset) {
      word = this.#pending[(offset - this.#pendingOffset) >>> 2] ?? 0;
    }
    const shifted = word >>> (8 * (offset & 3));
    return width === 4 ? shifted : shifted & (2 ** (8 * width) - 1);
  }

  write(offset: number, width: Width, value: number): void {
    if (width !== 4 || (offset & 3) !== 0 || offset >= this.#table.length * 4) return;
    this.#table[offset >>> 2] = value;
    if ((offset & 12) === 12) this.#sendPending();
  }

  /** §6.8.2.9: every vector is masked after reset. The capability resets with the config. */
  reset(): void {
    this.#table.fill(0);
    this.#pending.fill(0);
    for (let vector = 0; vector < this.vectors; vector++) {
      this.#table[vector * 4 + 3] = VECTOR_MASKED;
    }
  }

  save(): VersionedState {
    return { version: 1, data: { table: this.#table.slice(), pending: this.#pending.slice() } };
  }

  load(state: VersionedState): void {
    const data = state.data as { table?: unknown; pending?: unknown } | undefined;
    if (
      state.version !== 1 ||
      !(data?.table instanceof Uint32Array) ||
      !(data.pending instanceof Uint32Array) ||
      data.table.length !== this.#table.length ||
      data.pending.length !== this.#pending.length
    ) {
      throw new StateError(`MSI-X: unknown state version ${state.version} or vector count`);
    }
    this.#table.set(data.table);
    this.#pending.set(data.pending);
  }
}
