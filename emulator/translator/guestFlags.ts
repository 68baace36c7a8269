/**
 * Status flags inside a region. At nearly every point it is known at translation time what the flag locals hold: the two
 * state words of cpu/flags.ts, or operands of an operation whose flags nobody has asked for yet. Where ways meet that
 * differ and nobody reads flags before they are overwritten, a local says what they hold ('dynamic'); only ways out look at it.
 * Where a region is entered, flags are as the last one left them ('stored'): nobody computes words that are overwritten unread.
 *
 * Of a plain operation two operands are kept, and the third is computed from them: of ADD the result and b, of SUB a and b.
 */
import type { Cond, Val } from '../isa/dsl.ts';
import { FlagRule } from '../isa/flagRules.ts';
import {
  OFF_FLAG_FORM,
  OFF_FLAG_FORM_A,
  OFF_FLAG_FORM_B,
  OFF_FLAG_FORM_RESULT,
} from '../cpu/layout.ts';
import { flagFormCode, storedCode, type FlagForm, type LazyFlags } from './flagForms.ts';
import type { FunctionBuilder, WasmCond } from './functionBuilder.ts';
import type { FlagOperands, GuestState } from './guestState.ts';
import type { CoreFunctions } from './regionFrame.ts';
import { Op, blockVoid } from './wasmOpcodes.ts';

const top = (width: number): bigint => 1n << BigInt(width - 1);
const extendSigned: Partial<Record<number, number>> = { 8: Op.i32Extend8S, 16: Op.i32Extend16S };

export class GuestFlags {
  form: FlagForm = 'words';
  /** Number of the form, while that is 'dynamic'. */
  readonly formLocal: number;
  readonly #b: FunctionBuilder;
  readonly #state: GuestState;
  readonly #cpu: number;
  readonly #core: CoreFunctions;
  /** Index of the module's function that stores flags of any form (regionLinks.ts). */
  readonly #storeDynamic: number;

  constructor(
    b: FunctionBuilder,
    state: GuestState,
    formLocal: number,
    cpu: number,
    core: CoreFunctions,
    storeDynamic: number,
  ) {
    this.#b = b;
    this.#state = state;
    this.formLocal = formLocal;
    this.#cpu = cpu;
    this.#core = core;
    this.#storeDynamic = storeDynamic;
  }

  #operands(width: number): FlagOperands {
    return width === 64 ? this.#state.wide : this.#state.narrow;
  }

  /** Notes an operation. */
  set(rule: FlagRule, result: Val, a: Val | undefined, b: Val | undefined, carried: boolean): void {
    const { width } = result;
    const to = this.#operands(width);
    const keep = (value: Val | undefined, local: number): void => {
      if (!value) return;
      this.#b.push(value);
      this.#b.setLocal(local);
    };
    const isCarried = carried && (rule === FlagRule.add || rule === FlagRule.sub);
    if (rule === FlagRule.inc || rule === FlagRule.dec) {
      this.#b.pushCond(this.carry());
      if (width === 64) this.#b.op(Op.i64ExtendI32U);
      this.#b.setLocal(to.b);
    } else if (rule !== FlagRule.logic) {
      if (isCarried || rule === FlagRule.sub) keep(a, to.a);
      keep(b, to.b);
    }
    if (isCarried || rule !== FlagRule.sub) keep(result, to.result);
    this.form = { rule, width, carried: isCarried };
  }

  /** SF, ZF, PF of result, AF = 0. */
  setWords(result: Val, carry: Cond, overflow: Cond): void {
    const b = this.#b;
    b.pushCond(carry);
    b.op(Op.i64ExtendI32U);
    b.i64(63);
    b.integer('shl', 64);
    b.pushCond(carry);
    b.pushCond(overflow);
    b.integer('xor', 32);
    b.op(Op.i64ExtendI32U);
    b.i64(62);
    b.integer('shl', 64);
    b.integer('or', 64);
    b.setLocal(this.#state.carryWord);
    b.pushSigned64(result);
    b.setLocal(this.#state.resultWord);
    this.form = 'words';
  }

  /** ZF, PF, CF; the others 0 (cpu/flags.ts, flagsCompared). */
  setCompared(zero: Cond, parity: Cond, carry: Cond): void {
    const b = this.#b;
    b.pushCond(carry);
    b.op(Op.i64ExtendI32U);
    b.i64(-0x4000000000000000n);
    b.integer('mul', 64);
    b.pushCond(parity);
    b.op(Op.i32Eqz);
    b.i32(16);
    b.integer('shl', 32);
    b.op(Op.i64ExtendI32U);
    b.integer('or', 64);
    b.setLocal(this.#state.carryWord);
    b.pushCond(zero);
    b.op(Op.i32Eqz);
    b.i32(8);
    b.integer('shl', 32);
    b.op(Op.i64ExtendI32U);
    b.setLocal(this.#state.resultWord);
    this.form = 'words';
  }

  /** Stores both words into the state block. */
  store(): void {
    const { form } = this;
    const b = this.#b;
    if (form === 'words') {
      this.#state.storeFlagWords();
      b.i32(0);
      b.i32(0);
      b.memory(Op.i32Store, this.#cpu + OFF_FLAG_FORM);
      return;
    }
    if (form === 'stored' || form === 'dynamic') {
      if (form === 'dynamic') this.storeForm();
      this.settle();
      return;
    }
    b.i32(flagFormCode(form));
    this.#pushOperands(form.width);
    b.call(this.#core('storeLazyFlags'));
  }

  /** Computes the words that a region left to be computed. */
  settle(): void {
    const b = this.#b;
    b.i32(0);
    b.memory(Op.i32Load, this.#cpu + OFF_FLAG_FORM);
    b.op(Op.if);
    b.op(blockVoid);
    b.call(this.#core('settleFlags'));
    b.op(Op.end);
  }

  /** Stores the form and its operands as they are, for the next region or the core. */
  storeForm(): void {
    const { form } = this;
    const b = this.#b;
    if (form === 'stored') return;
    if (form === 'dynamic') {
      b.getLocal(this.formLocal);
      for (const local of this.#state.flagLocals) b.getLocal(local);
      b.call(this.#storeDynamic);
      return;
    }
    b.i32(0);
    b.i32(flagFormCode(form));
    b.memory(Op.i32Store, this.#cpu + OFF_FLAG_FORM);
    if (form === 'words') {
      this.#state.storeFlagWords();
      return;
    }
    const { rule, width, carried } = form;
    const to = this.#operands(width);
    const store = (local: number, offset: number): void => {
      b.i32(0);
      b.getLocal(local);
      b.memory(width === 64 ? Op.i64Store : Op.i32Store, this.#cpu + offset);
    };
    if (carried || rule !== FlagRule.sub) store(to.result, OFF_FLAG_FORM_RESULT);
    if (carried || rule === FlagRule.sub) store(to.a, OFF_FLAG_FORM_A);
    if (rule !== FlagRule.logic) store(to.b, OFF_FLAG_FORM_B);
  }

  #pushOperands(width: number): void {
    const { result, a, b } = this.#operands(width);
    for (const local of [result, a, b]) {
      this.#b.getLocal(local);
      if (width !== 64) this.#b.op(Op.i64ExtendI32U);
    }
  }

  /** At the region's start, where a block is 'dynamic' that is an entry too. */
  noteStored(): void {
    this.#b.i32(storedCode);
    this.#b.setLocal(this.formLocal);
  }

  /** Notes the form in the local, for a place that others reach with other forms. */
  makeDynamic(): void {
    if (this.form === 'dynamic') return;
    this.#b.i32(flagFormCode(this.form));
    this.#b.setLocal(this.formLocal);
    this.form = 'dynamic';
  }

  /** Computes the two words, as cpu/flags.ts does. */
  materialize(): void {
    const { form } = this;
    if (form === 'words') return;
    const b = this.#b;
    if (form === 'dynamic' || form === 'stored') {
      this.store();
      this.#state.loadFlags();
      this.form = 'words';
      return;
    }
    const { carryWord, resultWord } = this.#state;
    const { rule, width } = form;
    const push64 = (local: number): void => {
      b.getLocal(local);
      if (width !== 64) b.op(Op.i64ExtendI32U);
    };
    const operands = this.#operands(width);
    if (rule === FlagRule.logic) {
      b.i64(0);
    } else if (rule === FlagRule.add || rule === FlagRule.sub) {
      this.#pushCarries(form);
      this.#constant((3n << BigInt(width - 2)) | 8n, width);
      b.integer('and', width);
      if (width < 64) {
        b.op(Op.i64ExtendI32U);
        b.i64((1n << BigInt(64 - width)) + 1n);
        b.integer('mul', 64);
      }
    } else {
      // CF is bit 0 of b: cf << 63 | (cf ^ of) << 62 | af << 3
      const isInc = rule === FlagRule.inc;
      push64(operands.b);
      b.i64(63);
      b.integer('shl', 64);
      b.pushCond(this.overflow());
      b.op(Op.i64ExtendI32U);
      push64(operands.b);
      b.integer('xor', 64);
      b.i64(62);
      b.integer('shl', 64);
      b.integer('or', 64);
      b.getLocal(operands.result);
      this.#constant(15n, width);
      b.integer('and', width);
      this.#constant(isInc ? 0n : 15n, width);
      b.integer('eq', width);
      b.op(Op.i64ExtendI32U);
      b.i64(3);
      b.integer('shl', 64);
      b.integer('or', 64);
    }
    b.setLocal(carryWord);
    this.#pushResult(form);
    const extend = extendSigned[width];
    if (extend !== undefined) b.op(extend);
    if (width !== 64) b.op(Op.i64ExtendI32S);
    b.setLocal(resultWord);
    this.form = 'words';
  }

  #constant(value: bigint, width: number): void {
    if (width === 64) this.#b.i64(BigInt.asIntN(64, value));
    else this.#b.i32(Number(BigInt.asIntN(32, value)));
  }

  /** The result; above its width bits may be set. */
  #pushResult({ rule, width, carried }: LazyFlags): void {
    const { a, b, result } = this.#operands(width);
    if (rule !== FlagRule.sub || carried) {
      this.#b.getLocal(result);
      return;
    }
    this.#b.getLocal(a);
    this.#b.getLocal(b);
    this.#b.integer('sub', width);
  }

  /** The first operand of an addition or subtraction; above its width bits may be set. */
  #pushA({ rule, width, carried }: LazyFlags): void {
    const { a, b, result } = this.#operands(width);
    if (rule === FlagRule.sub || carried) {
      this.#b.getLocal(a);
      return;
    }
    this.#b.getLocal(result);
    this.#b.getLocal(b);
    this.#b.integer('sub', width);
  }

  /** Carry (or borrow) out of each bit: add (a & b) | ((a | b) & ~r), sub (~a & b) | ((~a ^ b) & r). */
  #pushCarries(form: LazyFlags): void {
    const b = this.#b;
    const { width } = form;
    const isAdd = form.rule === FlagRule.add;
    const operands = this.#operands(width);
    const invert = (): void => {
      this.#constant(-1n, width);
      b.integer('xor', width);
    };
    const pushA = (): void => {
      this.#pushA(form);
      if (!isAdd) invert();
    };
    pushA();
    b.getLocal(operands.b);
    b.integer('and', width);
    pushA();
    b.getLocal(operands.b);
    b.integer(isAdd ? 'or' : 'xor', width);
    this.#pushResult(form);
    if (isAdd) invert();
    b.integer('and', width);
    b.integer('or', width);
  }

  /** Truth of the sign of the value of `width` on the stack. */
  #negative(width: number): WasmCond {
    if (width < 32) return this.#bitOf(width);
    this.#constant(0n, width);
    this.#b.integer('ltS', width);
    return this.#b.takeCond();
  }
  #bitOf(width: number): WasmCond {
    this.#constant(top(width), width);
    this.#b.integer('and', width);
    this.#constant(0n, width);
    this.#b.integer('ne', width);
    return this.#b.takeCond();
  }

  /** What the locals hold, now that somebody asks. */
  #known(): 'words' | LazyFlags {
    if (this.form === 'dynamic' || this.form === 'stored') this.materialize();
    return this.form as 'words' | LazyFlags;
  }

  carry(): WasmCond {
    const b = this.#b;
    const form = this.#known();
    if (form === 'words') {
      b.getLocal(this.#state.carryWord);
      return this.#negative(64);
    }
    const { width } = form;
    const operands = this.#operands(width);
    switch (form.rule) {
      case FlagRule.logic:
        return b.boolean(false);
      case FlagRule.inc:
      case FlagRule.dec:
        b.getLocal(operands.b);
        if (width === 64) b.op(Op.i32WrapI64);
        return b.takeCond();
    }
    if (form.carried) {
      this.#pushCarries(form);
      return this.#bitOf(width);
    }
    b.getLocal(form.rule === FlagRule.add ? operands.result : operands.a);
    b.getLocal(operands.b);
    b.integer('ltU', width);
    return b.takeCond();
  }

  overflow(): WasmCond {
    const b = this.#b;
    const form = this.#known();
    if (form === 'words') {
      const { carryWord } = this.#state;
      b.getLocal(carryWord);
      b.getLocal(carryWord);
      b.i64(1);
      b.integer('shl', 64);
      b.integer('xor', 64);
      return this.#negative(64);
    }
    const { width } = form;
    const operands = this.#operands(width);
    switch (form.rule) {
      case FlagRule.logic:
        return b.boolean(false);
      case FlagRule.inc:
      case FlagRule.dec:
        b.getLocal(operands.result);
        this.#constant(form.rule === FlagRule.inc ? top(width) : top(width) - 1n, width);
        b.integer('eq', width);
        return b.takeCond();
    }
    // add: (r ^ a) & (r ^ b); sub: (a ^ b) & (a ^ r)
    const isAdd = form.rule === FlagRule.add;
    this.#pushResult(form);
    this.#pushA(form);
    b.integer('xor', width);
    if (isAdd) this.#pushResult(form);
    else this.#pushA(form);
    b.getLocal(operands.b);
    b.integer('xor', width);
    b.integer('and', width);
    return this.#bitOf(width);
  }

  zero(): WasmCond {
    const b = this.#b;
    const form = this.#known();
    if (form === 'words') {
      b.getLocal(this.#state.resultWord);
      b.op(Op.i64Eqz);
      return b.takeCond();
    }
    const { width } = form;
    const operands = this.#operands(width);
    if (form.rule === FlagRule.sub && !form.carried) {
      b.getLocal(operands.a);
      b.getLocal(operands.b);
      b.integer('eq', width);
    } else {
      b.getLocal(operands.result);
      b.op(width === 64 ? Op.i64Eqz : Op.i32Eqz);
    }
    return b.takeCond();
  }

  sign(): WasmCond {
    const b = this.#b;
    const form = this.#known();
    if (form === 'words') {
      b.getLocal(this.#state.resultWord);
      b.getLocal(this.#state.carryWord);
      b.i64(2);
      b.integer('shl', 64);
      b.integer('xor', 64);
      return this.#negative(64);
    }
    this.#pushResult(form);
    return this.#negative(form.width);
  }

  parity(): WasmCond {
    const b = this.#b;
    const form = this.#known();
    if (form === 'words') {
      b.getLocal(this.#state.resultWord);
      b.getLocal(this.#state.carryWord);
      b.i64(16);
      b.integer('shrU', 64);
      b.integer('xor', 64);
      b.op(Op.i32WrapI64);
    } else {
      this.#pushResult(form);
      if (form.width === 64) b.op(Op.i32WrapI64);
    }
    b.i32(0xff);
    b.integer('and', 32);
    b.integer('popcnt', 32);
    b.i32(1);
    b.integer('and', 32);
    b.op(Op.i32Eqz);
    return b.takeCond();
  }

  auxiliary(): WasmCond {
    this.materialize();
    const b = this.#b;
    b.getLocal(this.#state.carryWord);
    b.i64(3);
    b.integer('shrU', 64);
    b.op(Op.i32WrapI64);
    b.i32(1);
    b.integer('and', 32);
    return b.takeCond();
  }

  /** Compares a and b of a plain subtraction. */
  #compareOperands({ width }: LazyFlags, op: 'ltS' | 'leS' | 'leU'): WasmCond {
    const b = this.#b;
    const operands = this.#operands(width);
    const extend = op === 'leU' ? undefined : extendSigned[width];
    for (const local of [operands.a, operands.b]) {
      b.getLocal(local);
      if (extend !== undefined) b.op(extend);
    }
    b.integer(op, width);
    return b.takeCond();
  }

  /** Condition codes of SDM 1 appendix B. */
  condition(code: number): WasmCond {
    const b = this.#b;
    const form = this.#known();
    const either = (x: WasmCond, y: WasmCond): WasmCond => {
      if (x.constant === false) return y;
      b.pushCond(x);
      b.pushCond(y);
      b.integer('or', 32);
      return b.takeCond();
    };
    const plainSub =
      form !== 'words' && form.rule === FlagRule.sub && !form.carried ? form : undefined;
    const less = (): WasmCond => {
      if (plainSub) return this.#compareOperands(plainSub, 'ltS');
      if (form !== 'words' && form.rule === FlagRule.logic) return this.sign();
      b.pushCond(this.sign());
      b.pushCond(this.overflow());
      b.integer('xor', 32);
      return b.takeCond();
    };
    let value: WasmCond;
    switch (code >> 1) {
      case 0:
        value = this.overflow();
        break;
      case 1:
        value = this.carry();
        break;
      case 2:
        value = this.zero();
        break;
      case 3:
        value = plainSub
          ? this.#compareOperands(plainSub, 'leU')
          : either(this.carry(), this.zero());
        break;
      case 4:
        value = this.sign();
        break;
      case 5:
        value = this.parity();
        break;
      case 6:
        value = less();
        break;
      default:
        value = plainSub ? this.#compareOperands(plainSub, 'leS') : either(less(), this.zero());
    }
    if ((code & 1) === 0) return value;
    if (value.constant !== undefined) return b.boolean(!value.constant);
    b.pushCond(value);
    b.op(Op.i32Eqz);
    return b.takeCond();
  }

  /** CF, OF or AF alone. */
  setOne(flag: 'carry' | 'overflow' | 'auxiliary', value: Cond): void {
    this.materialize();
    const b = this.#b;
    const { carryWord } = this.#state;
    if (flag === 'carry') {
      // OF is bit 63 ^ bit 62: both change if CF does.
      b.getLocal(carryWord);
      b.i64(63);
      b.integer('shrU', 64);
      b.pushCond(value);
      b.op(Op.i64ExtendI32U);
      b.integer('xor', 64);
      b.i64(-0x4000000000000000n);
      b.integer('mul', 64);
      b.getLocal(carryWord);
      b.integer('xor', 64);
    } else if (flag === 'overflow') {
      b.getLocal(carryWord);
      b.i64(~0x4000000000000000n);
      b.integer('and', 64);
      b.getLocal(carryWord);
      b.i64(63);
      b.integer('shrU', 64);
      b.pushCond(value);
      b.op(Op.i64ExtendI32U);
      b.integer('xor', 64);
      b.i64(62);
      b.integer('shl', 64);
      b.integer('or', 64);
    } else {
      b.getLocal(carryWord);
      b.i64(~8n);
      b.integer('and', 64);
      b.pushCond(value);
      b.op(Op.i64ExtendI32U);
      b.i64(3);
      b.integer('shl', 64);
      b.integer('or', 64);
    }
    b.setLocal(carryWord);
  }
}
