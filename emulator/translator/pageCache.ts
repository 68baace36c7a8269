/**
 * A page that a region has found and keeps in locals, so that accesses to the same page need no probe of the TLB: they compare
 * their distance from it. All translations stay as they are while a region runs, but for what handlers and system instructions do.
 */
import { OFF_STACK_HOST, OFF_STACK_PAGE } from '../cpu/layout.ts';
import type { FunctionBuilder } from './functionBuilder.ts';
import { Op, ValueType } from './wasmOpcodes.ts';

/** cpu/tlb.ts, NO_PAGE; it lies in the memory's first page, which holds nothing. */
const noPage = 0xb5e193c74a2df000n;

export class PageCache {
  /** Linear address of the page in 64 bits, and where it lies: locals. */
  readonly page: number;
  readonly host: number;
  readonly kind: 'stack' | 'loop';
  readonly #b: FunctionBuilder;
  readonly #cpu: number;

  /** 'stack': one for all, remembered by the core between regions. 'loop': of one loop's reads or of its writes. */
  constructor(b: FunctionBuilder, cpu: number, kind: 'stack' | 'loop') {
    this.#b = b;
    this.#cpu = cpu;
    this.page = b.permanent(ValueType.i64);
    this.host = b.permanent(ValueType.i32);
    this.kind = kind;
  }

  /** In front of the loop; of the stack, where it is first wanted, and when it may be another. */
  load(): void {
    const b = this.#b;
    if (this.kind === 'loop') {
      b.i64(BigInt.asIntN(64, noPage));
      b.setLocal(this.page);
      b.i32(0);
      b.setLocal(this.host);
      return;
    }
    b.i32(0);
    b.memory(Op.i64Load, this.#cpu + OFF_STACK_PAGE);
    b.setLocal(this.page);
    b.i32(0);
    b.memory(Op.i32Load, this.#cpu + OFF_STACK_HOST);
    b.setLocal(this.host);
  }
}
