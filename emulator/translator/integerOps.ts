/** Integer values and truth values of the instruction vocabulary as wasm. */
import type { Cond, In, Semantics, Val, Var, Width } from '../isa/dsl.ts';
import type { FunctionBuilder, WasmCond, WasmVal, WasmVar } from './functionBuilder.ts';
import { typeOf } from './functionBuilder.ts';
import { Op, type IntegerOp } from './wasmOpcodes.ts';

export type IntegerPart = Pick<
  Semantics,
  | ('const' | 'add' | 'sub' | 'mul' | 'mulHighU' | 'mulHighS' | 'divU' | 'remU' | 'divS' | 'remS')
  | ('and' | 'or' | 'xor' | 'not' | 'neg' | 'shl' | 'shrU' | 'shrS' | 'rotl' | 'rotr' | 'clz')
  | ('ctz' | 'popcnt' | 'byteSwap' | 'zeroExtend' | 'signExtend' | 'truncate' | 'eq' | 'ne' | 'ltU')
  | (
      | 'leU'
      | 'gtU'
      | 'geU'
      | 'ltS'
      | 'leS'
      | 'gtS'
      | 'geS'
      | 'isZero'
      | 'isNonZero'
      | 'bit'
      | 'both'
    )
  | ('either' | 'negate' | 'fromCond' | 'select' | 'variable' | 'get' | 'set')
>;

/** `mulHigh64(isSigned)` pushes the call of the core's 64×64→128 helper's function. */
export function integerOps(b: FunctionBuilder, callHelper: (name: string) => void): IntegerPart {
  const constantOf = (value: Val): bigint | undefined => (value as WasmVal).constant;

  const binary =
    (op: IntegerOp, fold: (a: bigint, b: bigint) => bigint, keepsWidth = false) =>
    (x: Val, y: In): WasmVal => {
      const other = b.in(y, x.width);
      const [left, right] = [constantOf(x), other.constant];
      if (left !== undefined && right !== undefined) return b.constant(fold(left, right), x.width);
      b.push(x);
      b.push(other);
      b.integer(op, x.width);
      if (!keepsWidth) b.wrap(x.width);
      return b.take(x.width);
    };
  const binarySigned =
    (op: IntegerOp) =>
    (x: Val, y: In): WasmVal => {
      b.pushSigned(x);
      b.pushSigned(b.in(y, x.width));
      b.integer(op, x.width);
      b.wrap(x.width);
      return b.take(x.width);
    };
  const compareU =
    (op: IntegerOp, fold: (a: bigint, b: bigint) => boolean) =>
    (x: Val, y: In): WasmCond => {
      const [left, right] = [constantOf(x), b.in(y, x.width).constant];
      if (left !== undefined && right !== undefined) return b.boolean(fold(left, right));
      b.push(x);
      b.pushIn(y, x.width);
      b.integer(op, x.width);
      return b.takeCond();
    };
  const compareS =
    (op: IntegerOp) =>
    (x: Val, y: In): WasmCond => {
      b.pushSigned(x);
      b.pushSigned(b.in(y, x.width));
      b.integer(op, x.width);
      return b.takeCond();
    };
  /** Pushes a shift count as the type of the shifted value. */
  const pushCount = (count: In, width: Width): void => {
    if (typeof count !== 'object') b.push(b.constant(count, width === 64 ? 64 : 32));
    else if (width === 64) b.push64(count);
    else b.push32(count);
  };
  const shift =
    (op: 'shl' | 'shrU' | 'shrS') =>
    (x: Val, count: In): WasmVal => {
      if (op === 'shrS') b.pushSigned(x);
      else b.push(x);
      pushCount(count, x.width);
      b.integer(op, x.width);
      if (op !== 'shrU') b.wrap(x.width);
      return b.take(x.width);
    };
  const rotate = (x: Val, count: In, left: boolean): WasmVal => {
    if (x.width >= 32) {
      b.push(x);
      pushCount(count, x.width);
      b.integer(left ? 'rotl' : 'rotr', x.width);
      return b.take(x.width);
    }
    const mask = x.width - 1;
    pushCount(count, 32);
    b.i32(mask);
    b.integer('and', 32);
    const n = b.take(32);
    b.i32(x.width);
    b.push(n);
    b.integer('sub', 32);
    b.i32(mask);
    b.integer('and', 32);
    const opposite = b.take(32);
    b.push(x);
    b.push(left ? n : opposite);
    b.integer('shl', 32);
    b.push(x);
    b.push(left ? opposite : n);
    b.integer('shrU', 32);
    b.integer('or', 32);
    b.wrap(x.width);
    return b.take(x.width);
  };
  const mulHigh = (x: Val, y: In, signed: boolean): WasmVal => {
    const other = b.in(y, x.width);
    if (x.width === 64) {
      b.push(x);
      b.push(other);
      callHelper(signed ? 'mulHighS64' : 'mulHighU64');
      return b.take(64);
    }
    for (const side of [x, other]) {
      if (signed) b.pushSigned64(side);
      else b.push64(side);
    }
    b.integer('mul', 64);
    b.i64(x.width);
    b.integer('shrU', 64);
    b.op(Op.i32WrapI64);
    b.wrap(x.width);
    return b.take(x.width);
  };
  const unary = (op: 'clz' | 'ctz' | 'popcnt', x: Val): void => {
    b.push(x);
    b.integer(op, x.width);
  };
  const combine =
    (op: 'and' | 'or') =>
    (x: Cond, y: Cond): WasmCond => {
      b.pushCond(x);
      b.pushCond(y);
      b.integer(op, 32);
      return b.takeCond();
    };
  const and = binary('and', (x, y) => x & y, true);
  const eq = compareU('eq', (x, y) => x === y);
  const ne = compareU('ne', (x, y) => x !== y);

  return {
    const: (value, width) => b.constant(value, width),
    add: binary('add', (x, y) => x + y),
    sub: binary('sub', (x, y) => x - y),
    mul: binary('mul', (x, y) => x * y),
    mulHighU: (x, y) => mulHigh(x, y, false),
    mulHighS: (x, y) => mulHigh(x, y, true),
    divU: binary('divU', (x, y) => x / y, true),
    remU: binary('remU', (x, y) => x % y, true),
    divS: binarySigned('divS'),
    remS: binarySigned('remS'),
    and,
    or: binary('or', (x, y) => x | y, true),
    xor: binary('xor', (x, y) => x ^ y, true),
    not(x) {
      const constant = constantOf(x);
      if (constant !== undefined) return b.constant(~constant, x.width);
      b.push(x);
      if (x.width === 64) b.i64(-1);
      else b.i32(-1);
      b.integer('xor', x.width);
      b.wrap(x.width);
      return b.take(x.width);
    },
    neg(x) {
      b.push(b.constant(0, x.width));
      b.push(x);
      b.integer('sub', x.width);
      b.wrap(x.width);
      return b.take(x.width);
    },
    shl: shift('shl'),
    shrU: shift('shrU'),
    shrS: shift('shrS'),
    rotl: (x, n) => rotate(x, n, true),
    rotr: (x, n) => rotate(x, n, false),
    clz(x) {
      unary('clz', x);
      if (x.width < 32) {
        b.i32(32 - x.width);
        b.integer('sub', 32);
      }
      return b.take(x.width);
    },
    ctz(x) {
      b.push(x);
      if (x.width < 32) {
        b.i32(1 << x.width);
        b.integer('or', 32);
      }
      b.integer('ctz', x.width);
      return b.take(x.width);
    },
    popcnt(x) {
      unary('popcnt', x);
      return b.take(x.width);
    },
    byteSwap(x) {
      if (x.width === 8) return x;
      if (x.width === 16) return rotate(x, 8, true);
      // Swap neighbouring bytes, then 16-bit halves by rotation, then (64) 32-bit halves.
      const wide = x.width === 64;
      const evens = wide ? 0x00ff00ff00ff00ffn : 0x00ff00ffn;
      const left = binary('shl', (v) => v, true)(and(x, evens), 8);
      const right = and(binary('shrU', (v) => v, true)(x, 8), evens);
      const bytes = binary('or', (v) => v, true)(left, right);
      if (!wide) return rotate(bytes, 16, true);
      const pairs = 0x0000ffff0000ffffn;
      const high = binary('shl', (v) => v, true)(and(bytes, pairs), 16);
      const low = and(binary('shrU', (v) => v, true)(bytes, 16), pairs);
      return rotate(binary('or', (v) => v, true)(high, low), 32, true);
    },
    zeroExtend(x, width) {
      if (width === x.width) return x;
      const constant = constantOf(x);
      if (constant !== undefined) return b.constant(constant, width);
      if (width !== 64) return { ...(x as WasmVal), width };
      b.push64(x);
      return b.take(64);
    },
    signExtend(x, width) {
      if (width === x.width) return x;
      const constant = constantOf(x);
      if (constant !== undefined) return b.constant(BigInt.asIntN(x.width, constant), width);
      if (width === 64) b.pushSigned64(x);
      else {
        b.pushSigned(x);
        b.wrap(width);
      }
      return b.take(width);
    },
    truncate(x, width) {
      if (width === x.width) return x;
      const constant = constantOf(x);
      if (constant !== undefined) return b.constant(constant, width);
      b.push32(x);
      b.wrap(width);
      return b.take(width);
    },
    eq,
    ne,
    ltU: compareU('ltU', (x, y) => x < y),
    leU: compareU('leU', (x, y) => x <= y),
    gtU: compareU('gtU', (x, y) => x > y),
    geU: compareU('geU', (x, y) => x >= y),
    ltS: compareS('ltS'),
    leS: compareS('leS'),
    gtS: compareS('gtS'),
    geS: compareS('geS'),
    isZero: (x) => eq(x, 0),
    isNonZero: (x) => ne(x, 0),
    bit(x, index) {
      const constant = constantOf(x);
      if (constant !== undefined) return b.boolean(((constant >> BigInt(index)) & 1n) === 1n);
      b.push(x);
      b.push(b.constant(index, x.width === 64 ? 64 : 32));
      b.integer('shrU', x.width);
      if (x.width === 64) b.op(Op.i32WrapI64);
      b.i32(1);
      b.integer('and', 32);
      return b.takeCond();
    },
    both: combine('and'),
    either: combine('or'),
    negate(c) {
      const { constant } = c as WasmCond;
      if (constant !== undefined) return b.boolean(!constant);
      b.pushCond(c);
      b.op(Op.i32Eqz);
      return b.takeCond();
    },
    fromCond(c, width) {
      const { constant, local } = c as WasmCond;
      if (constant !== undefined) return b.constant(constant ? 1 : 0, width);
      if (width !== 64) return { kind: 'val', width, local, constant: undefined } as WasmVal;
      b.getLocal(local);
      b.op(Op.i64ExtendI32U);
      return b.take(64);
    },
    select(c, x, y) {
      b.push(x);
      b.pushIn(y, x.width);
      b.pushCond(c);
      b.op(Op.select);
      return b.take(x.width);
    },
    variable(initial): WasmVar {
      const local = b.temporary(typeOf(initial.width));
      b.push(initial);
      b.setLocal(local);
      return { kind: 'var', width: initial.width, local };
    },
    get(variable: Var) {
      b.getLocal((variable as WasmVar).local);
      return b.take(variable.width);
    },
    set(variable, value) {
      b.pushIn(value, variable.width);
      b.setLocal((variable as WasmVar).local);
    },
  };
}
