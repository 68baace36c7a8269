/**
 * What SSE instructions of a region look at besides their operands: whether they fault (CR0.TS, CR0.EM,
 * CR4.OSFXSR), once a block, and how MXCSR lets the host's arithmetic stand for the guest's, in a local. That may change
 * only where a helper or handler is called.
 */
import { MODE_EM, MODE_OSFXSR, MODE_TS, OFF_MODE, OFF_MXCSR } from '../cpu/layout.ts';
import { cachedMxcsr } from './guestState.ts';
import type { RegionFrame } from './regionFrame.ts';
import { Op, ValueType } from './wasmOpcodes.ts';

/**
 * MXCSR rounds to nearest, masks all exceptions, has no DAZ and FTZ, and PE is set (`plain`) or clear (`exact`: the host's
 * result does only if it was not rounded); anything else is `other`.
 */
export const mxcsrKind = { plain: 0, exact: 1, other: 2 } as const;

/** Rounding, masks, DAZ and FTZ, and how they have to be. */
const controlBits = 0xffc0;
const controlPlain = 0x1f80;
const flagPE = 0x20;

export class SseMode {
  readonly #f: RegionFrame;
  #kind: number | undefined;
  /** The block under way has looked whether SSE faults. */
  #checked = false;

  constructor(frame: RegionFrame) {
    this.#f = frame;
    frame.state.addCached(cachedMxcsr, () => this.#load());
  }

  #load(): void {
    const { b, cpu } = this.#f;
    this.#kind ??= b.permanent(ValueType.i32);
    b.i32(mxcsrKind.other);
    b.i32(0);
    b.memory(Op.i32Load, cpu + OFF_MXCSR);
    b.teeLocal(this.#kind);
    b.i32(flagPE);
    b.integer('and', 32);
    b.op(Op.i32Eqz);
    b.getLocal(this.#kind);
    b.i32(controlBits);
    b.integer('and', 32);
    b.i32(controlPlain);
    b.integer('ne', 32);
    b.op(Op.select);
    b.setLocal(this.#kind);
  }

  /** After what may have changed MXCSR. */
  reload(): void {
    if (this.#f.state.loaded.cached & cachedMxcsr) this.#load();
  }

  startBlock(): void {
    this.#checked = false;
  }

  /** #UD and #NM, once a block: the interpreter's handler raises the right one. */
  check(): void {
    if (this.#checked) return;
    this.#checked = true;
    const f = this.#f;
    f.b.i32(0);
    f.b.memory(Op.i32Load, f.cpu + OFF_MODE);
    f.b.i32(MODE_TS | MODE_EM | MODE_OSFXSR);
    f.b.integer('and', 32);
    f.b.i32(MODE_OSFXSR);
    f.b.integer('xor', 32);
    f.if(false);
    f.b.call(f.core('interpretInstead'));
    f.exitFault();
    f.endIf();
  }

  /** Pushes an mxcsrKind. */
  pushKind(): void {
    this.#f.state.needCached(cachedMxcsr);
    this.#f.b.getLocal(this.#kind!);
  }
}
