/**
 * What SSE instructions of a region look at besides their operands, in locals: whether they fault (CR0.TS, CR0.EM,
 * CR4.OSFXSR) and how MXCSR lets the host's arithmetic stand for the guest's. The former cannot change inside
 * a region, the latter only where a helper or handler is called.
 */
import { MODE_EM, MODE_OSFXSR, MODE_TS, OFF_MODE, OFF_MXCSR } from '../cpu/layout.ts';
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
  readonly #used: boolean;
  readonly #off: number;
  readonly #kind: number;
  /** The block under way has looked at `off`. */
  #checked = false;

  /** `used`: the region has SSE instructions that are emitted inline. */
  constructor(frame: RegionFrame, used: boolean) {
    this.#f = frame;
    this.#used = used;
    this.#off = used ? frame.b.permanent(ValueType.i32) : -1;
    this.#kind = used ? frame.b.permanent(ValueType.i32) : -1;
  }

  /** At the region's start. */
  load(): void {
    if (!this.#used) return;
    const { b, cpu } = this.#f;
    b.i32(0);
    b.memory(Op.i32Load, cpu + OFF_MODE);
    b.i32(MODE_TS | MODE_EM | MODE_OSFXSR);
    b.integer('and', 32);
    b.i32(MODE_OSFXSR);
    b.integer('xor', 32);
    b.setLocal(this.#off);
    this.reload();
  }

  /** After what may have changed MXCSR. */
  reload(): void {
    if (!this.#used) return;
    const { b, cpu } = this.#f;
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

  startBlock(): void {
    this.#checked = false;
  }

  /** #UD and #NM, once a block: the interpreter's handler raises the right one. */
  check(): void {
    if (this.#checked) return;
    this.#checked = true;
    const f = this.#f;
    f.b.getLocal(this.#off);
    f.if(false);
    f.b.call(f.core('interpretInstead'));
    f.exitFault();
    f.endIf();
  }

  /** Pushes an mxcsrKind. */
  pushKind(): void {
    this.#f.b.getLocal(this.#kind);
  }
}
