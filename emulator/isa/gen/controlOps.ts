/** Flags, branches, exceptions, REP, helpers and queries of the machine, printed as AssemblyScript. */
import type { Cond, In, Op, Semantics, V128, Val } from '../dsl.ts';
import { Flag } from '../flagRules.ts';
import { helperNamed } from '../helpers.ts';
import type { Emitter, PrintedCond, PrintedV128, PrintedVal } from './emitter.ts';

type ControlPart = Pick<
  Semantics,
  | 'flags'
  | 'flagsFrom'
  | 'flagsOfProduct'
  | 'flagsCompared'
  | 'flag'
  | 'condition'
  | 'setFlag'
  | 'readFlags'
  | 'writeFlags'
  | 'jumpRelative'
  | 'jumpRelativeIf'
  | 'relativeTarget'
  | 'checkTarget'
  | 'jump'
  | 'endBlock'
  | 'leave'
  | 'raise'
  | 'raiseIf'
  | 'undefined'
  | 'string'
  | 'cpl'
  | 'inMode64'
  | 'inProtectedMode'
  | 'inVirtual8086'
  | 'prefixes'
  | 'length'
  | 'call'
  | 'callVector'
  | 'callVoid'
>;

/** Handler results, cpu/layout.ts. */
const LEAVE = 1;
const TAKEN = 2;
const NOT_TAKEN = 3;
const ARRIVED = 6;
/**
 * Elements of a REP instruction between looks at interrupts. The same whether they go singly or in
 * bulk, which depends on the TLB: counted instructions must not, lest runs do not repeat.
 */
const REPEAT_LIMIT = 256;
const BULK_REPEAT_LIMIT = 16384;

const RULE_NAMES = { add: 'Add', sub: 'Sub', inc: 'Inc', dec: 'Dec', logic: 'Logic' } as const;
const LAZY = new Map<Flag, string>([
  [Flag.CF, 'CF'],
  [Flag.PF, 'PF'],
  [Flag.AF, 'AF'],
  [Flag.ZF, 'ZF'],
  [Flag.SF, 'SF'],
  [Flag.OF, 'OF'],
]);

export function controlOps(e: Emitter): ControlPart {
  const { variant } = e;
  const code = (v: Val): string => (v as PrintedVal).code;
  const condCode = (c: Cond | boolean): string =>
    typeof c === 'boolean' ? String(c) : (c as PrintedCond).code;
  const truncate = (expression: string): string => {
    if (!variant.isSized) return expression;
    if (variant.size === 64) return expression;
    return `(${expression}) & 0x${variant.size === 32 ? 'ffffffff' : 'ffff'}`;
  };
  const rip = (): string => `${e.use('rip')}()`;
  const nextRip = (): string => `${rip()} + <u64>load<u16>(rec, ${e.use('REC_NEXT')})`;
  const target = (): string => truncate(`${rip()} + load<u64>(rec, ${e.use('REC_IMM')})`);
  const goNext = (result: number): void => {
    e.line(`${e.use('setRip')}(${nextRip()});`);
    e.return(result);
  };

  const conditionCode = (number: number): string => {
    const negate = number & 1 ? '!' : '';
    const f = (name: string): string => `${e.use(name)}()`;
    switch (number >> 1) {
      case 0:
        return negate + f('flagOF');
      case 1:
        return negate + f('flagCF');
      case 2:
        return negate + f('flagZF');
      case 3:
        return `${negate}<bool>(<u32>${f('flagCF')} | <u32>${f('flagZF')})`;
      case 4:
        return negate + f('flagSF');
      case 5:
        return negate + f('flagPF');
      case 6:
        return negate + f('flagLess');
      default:
        return `${negate}<bool>(<u32>${f('flagLess')} | <u32>${f('flagZF')})`;
    }
  };

  const raise = (vector: number, errorCode?: In): void => {
    e.mayFault(`raise(${vector})`);
    if (errorCode === undefined) e.line(`${e.use('raise')}(${vector});`);
    else e.line(`${e.use('raiseWithCode')}(${vector}, ${e.asU32(errorCode)});`);
    e.return(LEAVE);
  };

  const callExpression = (name: string, args: readonly (Val | V128)[]): string => {
    const helper = helperNamed(name);
    if (args.length !== helper.parameters.length) {
      e.fail(`${name} takes ${helper.parameters.length} arguments, not ${args.length}`);
    }
    const list = args.map((arg, i) => {
      const width = helper.parameters[i];
      if (arg.kind === 'v128') {
        if (width !== 128) e.fail(`${name}: argument ${i} is a vector`);
        return (arg as PrintedV128).code;
      }
      if (width !== arg.width) e.fail(`${name}: argument ${i} has ${arg.width} bits, not ${width}`);
      return (arg as PrintedVal).code;
    });
    e.use(name);
    if (helper.faults !== false) e.mayFault(name);
    return `${name}(${list.join(', ')})`;
  };
  const afterCall = (name: string): void => {
    const helper = helperNamed(name);
    if (helper.faults !== false) e.checkFault();
    if (helper.writes !== false) {
      e.wrote();
      e.forget('value ');
    }
  };

  const repeatLoop = (body: () => void, bulk: string | undefined): void => {
    const size = variant.addressSize;
    const type = size === 64 ? 'u64' : 'u32';
    const counter = `load<${size === 16 ? 'u16' : type}>(CPU, ${e.use('OFF_GPR')} + 8)`;
    const storeCounter = (expression: string): string =>
      size === 16
        ? `store<u16>(CPU, <u16>(${expression}), ${e.use('OFF_GPR')} + 8);`
        : `store<u64>(CPU, <u64>(${expression}), ${e.use('OFF_GPR')} + 8);`;
    const turns = e.mutable('i32', '0');
    const limit = bulk === undefined ? REPEAT_LIMIT : BULK_REPEAT_LIMIT;
    e.repeatBlock(
      'for (;;) {',
      () => {
        e.startOver();
        e.line(`const count: ${type} = <${type}>${counter};`);
        e.line('if (!count) break;');
        if (bulk !== undefined) {
          const helper = e.use(bulk);
          const bytes = stringBytes(e);
          e.line(
            `if (!load<u32>(CPU, ${e.use('OFF_STEPPING')}) && !load<u32>(CPU, ${e.use('OFF_PENDING')})) {`,
          );
          e.line(
            `  const done = ${helper}(<u32>load<u8>(rec, ${e.use('REC_SEGMENT')}), ${bytes}, ${size / 8}, <u32>(${limit} - ${turns}));`,
          );
          e.line('  if (done) {');
          e.line(`    ${turns} += <i32>done;`);
          e.line(`    if (${turns} < ${limit}) continue;`);
          e.line(`    if (!<${type}>${counter}) break;`);
          e.line(`    ${e.use('setRip')}(${rip()} + <u64>load<u16>(rec, ${e.use('REC_START')}));`);
          e.line('    return 1;');
          e.line('  }');
          e.line('}');
        }
        body();
        e.line(storeCounter('count - 1'));
        e.wrote();
        if (variant.repeat === 'repz') e.line(`if (!${e.use('flagZF')}()) break;`);
        if (variant.repeat === 'repnz') e.line(`if (${e.use('flagZF')}()) break;`);
        e.line('if (count == 1) break;');
        e.line(
          `if (++${turns} >= ${limit} || load<u32>(CPU, ${e.use('OFF_STEPPING')}) || load<u32>(CPU, ${e.use('OFF_PENDING')})) {`,
        );
        e.line(`  setRip(${rip()} + <u64>load<u16>(rec, ${e.use('REC_START')}));`);
        e.line('  return 1;');
        e.line('}');
        e.use('setRip');
      },
      true,
    );
  };

  return {
    flags(rule, result, a, b) {
      const name = e.use(`flags${RULE_NAMES[rule]}${result.width}`);
      const args = [code(result)];
      if (rule === 'add' || rule === 'sub') {
        if (a === undefined || b === undefined) e.fail(`flags ${rule} needs both operands`);
        if (a.width !== result.width || b.width !== result.width) e.fail('flags: widths differ');
        args.push(code(a), code(b));
      }
      e.line(`${name}(${args.join(', ')});`);
      e.wrote();
    },
    flagsFrom(result, carry, overflow) {
      const name = e.use(`flagsFrom${result.width}`);
      e.line(`${name}(${code(result)}, ${condCode(carry)}, ${condCode(overflow)});`);
      e.wrote();
    },
    flagsOfProduct(result, wide) {
      const carry = wide();
      this.flagsFrom(result, carry, carry);
    },
    flagsCompared(zero, parity, carry) {
      const list = [zero, parity, carry].map(condCode).join(', ');
      e.line(`${e.use('flagsCompared')}(${list});`);
      e.wrote();
    },
    flag(flag) {
      const lazy = LAZY.get(flag);
      if (lazy !== undefined) return e.cond(`${e.use(`flag${lazy}`)}()`);
      return e.cond(`((load<u64>(CPU, ${e.use('OFF_RFLAGS')}) >> ${flag}) & 1) != 0`);
    },
    condition(number = variant.condition) {
      if (number === undefined) e.fail('condition() outside a conditional() form');
      return e.cond(conditionCode(number));
    },
    setFlag(flag, value) {
      const lazy = LAZY.get(flag);
      if (lazy !== undefined) e.line(`${e.use(`setFlag${lazy}`)}(${condCode(value)});`);
      else {
        const at = e.use('OFF_RFLAGS');
        const mask = `<u64>0x${(1 << flag).toString(16)}`;
        const bit = `(<u64>${condCode(value)} << ${flag})`;
        e.line(`store<u64>(CPU, (load<u64>(CPU, ${at}) & ~(${mask})) | ${bit}, ${at});`);
      }
      e.wrote();
    },
    readFlags: () => e.val(32, `<u32>${e.use('getFlags')}()`),
    writeFlags(value, mask) {
      e.line(`${e.use('setFlags')}(${e.asU64(value)}, <u64>0x${mask.toString(16)});`);
      e.wrote();
    },
    jumpRelative() {
      e.line(`${e.use('setRip')}(${target()});`);
      e.return(TAKEN);
    },
    jumpRelativeIf(c: Cond, _op: Op) {
      e.branch(condCode(c), () => {
        e.line(`${e.use('setRip')}(${target()});`);
        e.return(TAKEN);
      });
      goNext(NOT_TAKEN);
    },
    relativeTarget() {
      const value = e.val(64, target());
      checkTarget(value);
      return value;
    },
    checkTarget,
    jump(destination) {
      const value = destination.width === 64 ? code(destination) : `<u64>${code(destination)}`;
      e.line(`${e.use('setRip')}(${value});`);
      e.return(ARRIVED);
    },
    endBlock: () => goNext(LEAVE),
    leave: () => e.return(LEAVE),
    raise,
    raiseIf: (c, vector, errorCode) => e.branch(condCode(c), () => raise(vector, errorCode)),
    undefined: () => raise(6),
    string(body, bulk) {
      if (variant.repeat === 'none') body();
      else repeatLoop(body, bulk);
    },
    cpl: () => e.val(32, `<u32>${e.use('cpl')}()`),
    inMode64: () => e.cond(`(${e.use('mode')}() & 3) == ${e.use('MODE_CODE64')}`),
    inProtectedMode: () => e.cond(`(${e.use('mode')}() & ${e.use('MODE_PROTECTED')}) != 0`),
    inVirtual8086: () => e.cond(`(${e.use('mode')}() & ${e.use('MODE_V86')}) != 0`),
    prefixes: () => e.val(32, `<u32>load<u8>(rec, ${e.use('REC_PREFIXES')})`),
    length: () => e.val(32, `<u32>load<u8>(rec, ${e.use('REC_LENGTH')})`),
    call(name, ...args) {
      const { returns } = helperNamed(name);
      if (returns === undefined || returns === 128) e.fail(`${name} returns no integer`);
      const expression = callExpression(name, args);
      const value = e.val(returns, returns === 64 ? `<u64>${expression}` : `<u32>${expression}`);
      afterCall(name);
      return value;
    },
    callVector(name, ...args) {
      if (helperNamed(name).returns !== 128) e.fail(`${name} returns no vector`);
      const value = e.v128(callExpression(name, args));
      afterCall(name);
      return value;
    },
    callVoid(name, ...args) {
      e.line(`${callExpression(name, args)};`);
      afterCall(name);
    },
  };

  function checkTarget(value: Val): void {
    e.mayFault('a branch target check');
    e.line(`${e.use('checkTarget')}(${code(value)});`);
    e.checkFault();
  }
}

/** Element size of a string form: its encoding is byte-sized unless it expands over sizes. */
function stringBytes(e: Emitter): number {
  return e.variant.isSized ? e.variant.size / 8 : 1;
}
