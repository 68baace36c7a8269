/** Integer values and truth values of the vocabulary, printed as AssemblyScript. */
import type { Cond, In, Semantics, Val, Var, Width } from '../dsl.ts';
import { maskOf, typeOf } from './emitter.ts';
import type { Emitter, PrintedCond, PrintedVal, PrintedVar } from './emitter.ts';

type IntegerPart = Pick<
  Semantics,
  | 'const'
  | 'add'
  | 'sub'
  | 'mul'
  | 'mulHighU'
  | 'mulHighS'
  | 'divU'
  | 'remU'
  | 'divS'
  | 'remS'
  | 'and'
  | 'or'
  | 'xor'
  | 'not'
  | 'neg'
  | 'shl'
  | 'shrU'
  | 'shrS'
  | 'rotl'
  | 'rotr'
  | 'clz'
  | 'ctz'
  | 'popcnt'
  | 'byteSwap'
  | 'zeroExtend'
  | 'signExtend'
  | 'truncate'
  | 'eq'
  | 'ne'
  | 'ltU'
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
  | 'either'
  | 'negate'
  | 'fromCond'
  | 'select'
  | 'if'
  | 'variable'
  | 'get'
  | 'set'
  | 'loop'
>;

const signedType = (width: Width): string => (width === 64 ? 'i64' : 'i32');

/** Expression of a value as signed i32 or i64. */
function signed(a: PrintedVal): string {
  if (a.width === 64) return `<i64>${a.code}`;
  if (a.width === 32) return `<i32>${a.code}`;
  return `<i32>(<i${a.width}>${a.code})`;
}

export function integerOps(e: Emitter): IntegerPart {
  /** Result of an operation that may carry beyond 8 or 16 bits. */
  const wrap = (width: Width, code: string): PrintedVal =>
    e.val(width, width < 32 ? `(${code}) & 0x${maskOf(width).toString(16)}` : code);
  const binary =
    (operator: string, keepsWidth = false) =>
    (a: Val, b: In): Val => {
      const code = `${(a as PrintedVal).code} ${operator} ${e.in(b, a.width).code}`;
      return keepsWidth ? e.val(a.width, code) : wrap(a.width, code);
    };
  const compareU =
    (operator: string) =>
    (a: Val, b: In): Cond =>
      e.cond(`${(a as PrintedVal).code} ${operator} ${e.in(b, a.width).code}`);
  const compareS =
    (operator: string) =>
    (a: Val, b: In): Cond =>
      e.cond(`${signed(a as PrintedVal)} ${operator} ${signed(e.in(b, a.width))}`);
  const signedBinary =
    (operator: string) =>
    (a: Val, b: In): Val => {
      const code = `${signed(a as PrintedVal)} ${operator} ${signed(e.in(b, a.width))}`;
      return wrap(a.width, `<${typeOf(a.width)}>(${code})`);
    };
  const count = (value: In, width: Width): string =>
    width === 64 ? `<u64>(${e.asU32(value)})` : `${e.asU32(value)}`;
  const code = (v: Val): string => (v as PrintedVal).code;
  const condCode = (c: Cond): string => (c as PrintedCond).code;

  const mulHigh = (a: Val, b: In, isSigned: boolean): Val => {
    const other = e.in(b, a.width);
    if (a.width === 64) {
      const name = e.use(isSigned ? 'mulHighS64' : 'mulHighU64');
      return e.val(64, `${name}(${code(a)}, ${other.code})`);
    }
    const left = isSigned ? `<i64>(${signed(a as PrintedVal)})` : `<u64>${code(a)}`;
    const right = isSigned ? `<i64>(${signed(other)})` : `<u64>(${other.code})`;
    return wrap(a.width, `<u32>((${left} * ${right}) >> ${a.width})`);
  };
  const rotate = (a: Val, amount: In, left: boolean): Val => {
    if (a.width >= 32) {
      const type = typeOf(a.width);
      return e.val(
        a.width,
        `rot${left ? 'l' : 'r'}<${type}>(${code(a)}, ${count(amount, a.width)})`,
      );
    }
    const m = a.width - 1;
    const n = e.temporary('u32', `(${e.asU32(amount)}) & ${m}`);
    const [up, down] = left
      ? [n, `((${a.width} - ${n}) & ${m})`]
      : [`((${a.width} - ${n}) & ${m})`, n];
    return wrap(a.width, `(${code(a)} << ${up}) | (${code(a)} >> ${down})`);
  };

  return {
    const: (value, width) => e.constant(value, width),
    add: binary('+'),
    sub: binary('-'),
    mul: binary('*'),
    mulHighU: (a, b) => mulHigh(a, b, false),
    mulHighS: (a, b) => mulHigh(a, b, true),
    divU: binary('/', true),
    remU: binary('%', true),
    divS: signedBinary('/'),
    remS: signedBinary('%'),
    and: binary('&', true),
    or: binary('|', true),
    xor: binary('^', true),
    not: (a) => wrap(a.width, `~${code(a)}`),
    neg: (a) => wrap(a.width, `<${typeOf(a.width)}>0 - ${code(a)}`),
    shl: (a, n) => wrap(a.width, `${code(a)} << (${count(n, a.width)})`),
    shrU: (a, n) => e.val(a.width, `${code(a)} >> (${count(n, a.width)})`),
    shrS: (a, n) =>
      wrap(
        a.width,
        `<${typeOf(a.width)}>((${signed(a as PrintedVal)}) >> <${signedType(a.width)}>(${count(n, a.width)}))`,
      ),
    rotl: (a, n) => rotate(a, n, true),
    rotr: (a, n) => rotate(a, n, false),
    clz: (a) =>
      e.val(
        a.width,
        `clz<${typeOf(a.width)}>(${code(a)})${a.width < 32 ? ` - ${32 - a.width}` : ''}`,
      ),
    ctz: (a) =>
      e.val(
        a.width,
        `ctz<${typeOf(a.width)}>(${code(a)}${a.width < 32 ? ` | 0x${(1 << a.width).toString(16)}` : ''})`,
      ),
    popcnt: (a) => e.val(a.width, `popcnt<${typeOf(a.width)}>(${code(a)})`),
    byteSwap: (a) => {
      if (a.width === 8) return a;
      const swapped = `bswap<${a.width === 64 ? 'u64' : a.width === 32 ? 'u32' : 'u16'}>(`;
      if (a.width === 16) return e.val(16, `<u32>${swapped}<u16>${code(a)})`);
      return e.val(a.width, `${swapped}${code(a)})`);
    },
    zeroExtend(a, width) {
      if (width < a.width) e.fail(`zeroExtend from ${a.width} to ${width}`);
      if (width === a.width) return a;
      const constant = (a as PrintedVal).constant;
      if (constant !== undefined) return e.constant(constant, width);
      // 8, 16 and 32 bits are all u32, zero-extended already.
      return width === 64 ? e.val(64, `<u64>${code(a)}`) : { ...(a as PrintedVal), width };
    },
    signExtend(a, width) {
      if (width < a.width) e.fail(`signExtend from ${a.width} to ${width}`);
      if (width === a.width) return a;
      const value = signed(a as PrintedVal);
      if (width === 64) return e.val(64, `<u64>(<i64>(${value}))`);
      return wrap(width, `<u32>(${value})`);
    },
    truncate(a, width) {
      if (width > a.width) e.fail(`truncate from ${a.width} to ${width}`);
      if (width === a.width) return a;
      const constant = (a as PrintedVal).constant;
      if (constant !== undefined) return e.constant(constant, width);
      return wrap(width, a.width === 64 ? `<u32>${code(a)}` : code(a));
    },
    eq: compareU('=='),
    ne: compareU('!='),
    ltU: compareU('<'),
    leU: compareU('<='),
    gtU: compareU('>'),
    geU: compareU('>='),
    ltS: compareS('<'),
    leS: compareS('<='),
    gtS: compareS('>'),
    geS: compareS('>='),
    isZero: (a) => e.cond(`${code(a)} == 0`),
    isNonZero: (a) => e.cond(`${code(a)} != 0`),
    bit: (a, index) => e.cond(`((${code(a)} >> ${index}) & 1) != 0`),
    both: (a, b) => e.cond(`<bool>(<u32>${condCode(a)} & <u32>${condCode(b)})`),
    either: (a, b) => e.cond(`<bool>(<u32>${condCode(a)} | <u32>${condCode(b)})`),
    negate: (a) => e.cond(`!${condCode(a)}`),
    fromCond: (c, width) => e.val(width, `<${typeOf(width)}>${condCode(c)}`),
    select: (c, a, b) =>
      e.val(
        a.width,
        `select<${typeOf(a.width)}>(${code(a)}, ${e.in(b, a.width).code}, ${condCode(c)})`,
      ),
    if: (c, then, otherwise) => e.branch(condCode(c), then, otherwise),
    variable: (initial): PrintedVar => ({
      kind: 'var',
      width: initial.width,
      code: e.mutable(typeOf(initial.width), code(initial)),
    }),
    get: (v: Var) => e.val(v.width, (v as PrintedVar).code),
    set: (v: Var, value) => e.line(`${(v as PrintedVar).code} = ${e.in(value, v.width).code};`),
    loop(condition, body) {
      e.repeatBlock(
        'for (;;) {',
        () => {
          e.line(`if (!(${condCode(condition())})) break;`);
          body();
        },
        false,
      );
    },
  };
}
