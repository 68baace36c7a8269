/**
 * Status flags inside a region. At every point it is known at translation time what the three flag locals hold: the two state
 * words of cpu/flags.ts, or result and operands of an operation whose flags nobody has asked for yet.
 */
import type { Cond, Val, Width } from '../isa/dsl.ts';
import { FlagRule } from '../isa/flagRules.ts';
import type { FunctionBuilder, WasmCond } from './functionBuilder.ts';
import type { GuestState } from './guestState.ts';
import { Op } from './wasmOpcodes.ts';

export type FlagForm =
  'words' | { readonly rule: FlagRule; readonly width: Width; readonly carried: boolean };

const rules: readonly FlagRule[] = [
  FlagRule.add,
  FlagRule.sub,
  FlagRule.inc,
  FlagRule.dec,
  FlagRule.logic,
];

/** Number of a form for the core's storeLazyFlags: 0 is 'words'. */
export function flagFormCode(form: FlagForm): number {
  if (form === 'words') return 0;
  return 1 + rules.indexOf(form.rule) * 4 + [8, 16, 32, 64].indexOf(form.width);
}

export const sameForm = (a: FlagForm, b: FlagForm): boolean =>
  a === b ||
  (a !== 'words' &&
    b !== 'words' &&
    a.rule === b.rule &&
    a.width === b.width &&
    a.carried === b.carried);

const top = (width: number): bigint => 1n << BigInt(width - 1);

export class GuestFlags {
  form: FlagForm = 'words';
  readonly #b: FunctionBuilder;
  readonly #state: GuestState;

  constructor(b: FunctionBuilder, state: GuestState) {
    this.#b = b;
    this.#state = state;
  }

  /** Notes an operation. `carried`: a carry or borrow came in, so that a and b alone do not give CF. */
  set(rule: FlagRule, result: Val, a: Val | undefined, b: Val | undefined, carried: boolean): void {
    const { flagA, flagB, flagResult } = this.#state;
    const keepsCarry = rule === FlagRule.inc || rule === FlagRule.dec;
    if (keepsCarry) {
      const cf = this.carry();
      this.#b.pushCond(cf);
      this.#b.op(Op.i64ExtendI32U);
      this.#b.setLocal(flagB);
    }
    this.#b.push64(result);
    this.#b.setLocal(flagResult);
    if (a && b && !keepsCarry && rule !== FlagRule.logic) {
      this.#b.push64(a);
      this.#b.setLocal(flagA);
      this.#b.push64(b);
      this.#b.setLocal(flagB);
    }
    this.form = { rule, width: result.width, carried };
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
    b.setLocal(this.#state.flagA);
    b.pushSigned64(result);
    b.setLocal(this.#state.flagResult);
    this.form = 'words';
  }

  /** Computes the two words, as cpu/flags.ts does. */
  materialize(): void {
    const form = this.form;
    if (form === 'words') return;
    const b = this.#b;
    const { flagA, flagB, flagResult } = this.#state;
    const { rule, width } = form;
    if (rule === FlagRule.logic) {
      b.i64(0);
      b.setLocal(flagA);
    } else if (rule === FlagRule.add || rule === FlagRule.sub) {
      this.#pushCarries(rule === FlagRule.add);
      b.i64((3n << BigInt(width - 2)) | 8n);
      b.integer('and', 64);
      if (width < 64) {
        b.setLocal(flagA);
        b.getLocal(flagA);
        b.getLocal(flagA);
        b.i64(64 - width);
        b.integer('shl', 64);
        b.integer('or', 64);
      }
      b.setLocal(flagA);
    } else {
      // CF is bit 0 of flagB: cf << 63 | (cf ^ of) << 62 | af << 3
      const isInc = rule === FlagRule.inc;
      b.getLocal(flagB);
      b.i64(63);
      b.integer('shl', 64);
      b.getLocal(flagResult);
      b.i64(isInc ? top(width) : top(width) - 1n);
      b.integer('eq', 64);
      b.op(Op.i64ExtendI32U);
      b.getLocal(flagB);
      b.integer('xor', 64);
      b.i64(62);
      b.integer('shl', 64);
      b.integer('or', 64);
      b.getLocal(flagResult);
      b.i64(15);
      b.integer('and', 64);
      b.i64(isInc ? 0 : 15);
      b.integer('eq', 64);
      b.op(Op.i64ExtendI32U);
      b.i64(3);
      b.integer('shl', 64);
      b.integer('or', 64);
      b.setLocal(flagA);
    }
    if (width < 64) {
      this.#pushSignedResult(width);
      b.setLocal(flagResult);
    }
    this.form = 'words';
  }

  /** Carry (or borrow) out of each bit: add (a & b) | ((a | b) & ~r), sub (~a & b) | ((~a ^ b) & r). */
  #pushCarries(isAdd: boolean): void {
    const b = this.#b;
    const { flagA, flagB, flagResult } = this.#state;
    const pushA = (): void => {
      b.getLocal(flagA);
      if (!isAdd) this.#invert();
    };
    pushA();
    b.getLocal(flagB);
    b.integer('and', 64);
    pushA();
    b.getLocal(flagB);
    b.integer(isAdd ? 'or' : 'xor', 64);
    b.getLocal(flagResult);
    if (isAdd) this.#invert();
    b.integer('and', 64);
    b.integer('or', 64);
  }

  #invert(): void {
    this.#b.i64(-1);
    this.#b.integer('xor', 64);
  }

  /** The result, sign-extended from `width` to i64. */
  #pushSignedResult(width: number): void {
    const b = this.#b;
    b.getLocal(this.#state.flagResult);
    if (width < 64) b.op(width === 8 ? 0xc2 : width === 16 ? 0xc3 : 0xc4);
  }

  /** Truth of the i64 on the stack's sign. */
  #negative(): WasmCond {
    this.#b.i64(0);
    this.#b.integer('ltS', 64);
    return this.#b.takeCond();
  }
  #bitOf(width: number): WasmCond {
    this.#b.i64(top(width));
    this.#b.integer('and', 64);
    this.#b.i64(0);
    this.#b.integer('ne', 64);
    return this.#b.takeCond();
  }

  carry(): WasmCond {
    const b = this.#b;
    const { flagA, flagB, flagResult } = this.#state;
    const form = this.form;
    if (form === 'words') {
      b.getLocal(flagA);
      return this.#negative();
    }
    switch (form.rule) {
      case FlagRule.logic:
        return b.boolean(false);
      case FlagRule.inc:
      case FlagRule.dec:
        b.getLocal(flagB);
        b.op(Op.i32WrapI64);
        return b.takeCond();
      case FlagRule.add:
        if (form.carried) break;
        b.getLocal(flagResult);
        b.getLocal(flagA);
        b.integer('ltU', 64);
        return b.takeCond();
      case FlagRule.sub:
        if (form.carried) break;
        b.getLocal(flagA);
        b.getLocal(flagB);
        b.integer('ltU', 64);
        return b.takeCond();
    }
    this.#pushCarries(form.rule === FlagRule.add);
    return this.#bitOf(form.width);
  }

  overflow(): WasmCond {
    const b = this.#b;
    const { flagA, flagB, flagResult } = this.#state;
    const form = this.form;
    if (form === 'words') {
      b.getLocal(flagA);
      b.getLocal(flagA);
      b.i64(1);
      b.integer('shl', 64);
      b.integer('xor', 64);
      return this.#negative();
    }
    switch (form.rule) {
      case FlagRule.logic:
        return b.boolean(false);
      case FlagRule.inc:
      case FlagRule.dec:
        b.getLocal(flagResult);
        b.i64(form.rule === FlagRule.inc ? top(form.width) : top(form.width) - 1n);
        b.integer('eq', 64);
        return b.takeCond();
    }
    // add: (r ^ a) & (r ^ b); sub: (a ^ b) & (a ^ r)
    const isAdd = form.rule === FlagRule.add;
    b.getLocal(flagResult);
    b.getLocal(flagA);
    b.integer('xor', 64);
    b.getLocal(isAdd ? flagResult : flagA);
    b.getLocal(flagB);
    b.integer('xor', 64);
    b.integer('and', 64);
    return this.#bitOf(form.width);
  }

  zero(): WasmCond {
    const b = this.#b;
    b.getLocal(this.#state.flagResult);
    b.op(Op.i64Eqz);
    return b.takeCond();
  }

  sign(): WasmCond {
    const b = this.#b;
    const { flagA, flagResult } = this.#state;
    if (this.form === 'words') {
      b.getLocal(flagResult);
      b.getLocal(flagA);
      b.i64(2);
      b.integer('shl', 64);
      b.integer('xor', 64);
      return this.#negative();
    }
    b.getLocal(flagResult);
    return this.#bitOf(this.form.width);
  }

  parity(): WasmCond {
    const b = this.#b;
    const { flagA, flagResult } = this.#state;
    b.getLocal(flagResult);
    if (this.form === 'words') {
      b.getLocal(flagA);
      b.i64(16);
      b.integer('shrU', 64);
      b.integer('xor', 64);
    }
    b.i64(0xff);
    b.integer('and', 64);
    b.integer('popcnt', 64);
    b.op(Op.i32WrapI64);
    b.i32(1);
    b.integer('and', 32);
    b.op(Op.i32Eqz);
    return b.takeCond();
  }

  auxiliary(): WasmCond {
    this.materialize();
    const b = this.#b;
    b.getLocal(this.#state.flagA);
    b.i64(3);
    b.integer('shrU', 64);
    b.op(Op.i32WrapI64);
    b.i32(1);
    b.integer('and', 32);
    return b.takeCond();
  }

  /** Pushes a and b of a plain subtraction, extended so that an i64 comparison has the right sign. */
  #compareOperands(signed: boolean, width: number, op: 'ltS' | 'leS' | 'leU'): WasmCond {
    const b = this.#b;
    for (const local of [this.#state.flagA, this.#state.flagB]) {
      b.getLocal(local);
      if (signed && width < 64) b.op(width === 8 ? 0xc2 : width === 16 ? 0xc3 : 0xc4);
    }
    b.integer(op, 64);
    return b.takeCond();
  }

  /** Condition codes of SDM 1 appendix B. */
  condition(code: number): WasmCond {
    const b = this.#b;
    const form = this.form;
    const either = (x: WasmCond, y: WasmCond): WasmCond => {
      b.pushCond(x);
      b.pushCond(y);
      b.integer('or', 32);
      return b.takeCond();
    };
    const plainSub = form !== 'words' && form.rule === FlagRule.sub && !form.carried;
    const less = (): WasmCond => {
      if (plainSub) return this.#compareOperands(true, form.width, 'ltS');
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
          ? this.#compareOperands(false, form.width, 'leU')
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
        value = plainSub
          ? this.#compareOperands(true, form.width, 'leS')
          : either(less(), this.zero());
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
    const { flagA } = this.#state;
    if (flag === 'carry') {
      // OF is bit 63 ^ bit 62: both change if CF does.
      b.getLocal(flagA);
      b.i64(63);
      b.integer('shrU', 64);
      b.pushCond(value);
      b.op(Op.i64ExtendI32U);
      b.integer('xor', 64);
      b.i64(-0x4000000000000000n);
      b.integer('mul', 64);
      b.getLocal(flagA);
      b.integer('xor', 64);
    } else if (flag === 'overflow') {
      b.getLocal(flagA);
      b.i64(~0x4000000000000000n);
      b.integer('and', 64);
      b.getLocal(flagA);
      b.i64(63);
      b.integer('shrU', 64);
      b.pushCond(value);
      b.op(Op.i64ExtendI32U);
      b.integer('xor', 64);
      b.i64(62);
      b.integer('shl', 64);
      b.integer('or', 64);
    } else {
      b.getLocal(flagA);
      b.i64(~8n);
      b.integer('and', 64);
      b.pushCond(value);
      b.op(Op.i64ExtendI32U);
      b.i64(3);
      b.integer('shl', 64);
      b.integer('or', 64);
    }
    b.setLocal(flagA);
  }
}
