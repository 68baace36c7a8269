/** Flags, branches, exceptions and queries of the machine, as wasm inside a region. */
import type { Cond, Semantics, V128, Val, Width } from '../isa/dsl.ts';
import { Flag } from '../isa/flagRules.ts';
import { helperNamed } from '../isa/helpers.ts';
import { OFF_CPL, OFF_RFLAGS } from '../cpu/layout.ts';
import type { WasmCond, WasmVal } from './functionBuilder.ts';
import { writtenBy } from './loopPages.ts';
import type { RegionFrame } from './regionFrame.ts';
import type { SseMode } from './sseMode.ts';
import type { InlineHelpers } from './sseOps.ts';
import { Op, blockVoid } from './wasmOpcodes.ts';

export type ControlPart = Pick<
  Semantics,
  | (
      | 'if'
      | 'loop'
      | 'flags'
      | 'flagsFrom'
      | 'flagsOfProduct'
      | 'flagsCompared'
      | 'flag'
      | 'condition'
      | 'setFlag'
      | 'readFlags'
    )
  | ('writeFlags' | 'jumpRelative' | 'jumpRelativeIf' | 'relativeTarget' | 'checkTarget' | 'jump')
  | ('endBlock' | 'leave' | 'raise' | 'raiseIf' | 'undefined' | 'string' | 'cpl' | 'inMode64')
  | (
      | 'inProtectedMode'
      | 'inVirtual8086'
      | 'prefixes'
      | 'length'
      | 'call'
      | 'callVector'
      | 'callVoid'
    )
>;

/** How a block ends: the emitter of the region takes it from here. */
export type Ending =
  | { readonly kind: 'jump' }
  | { readonly kind: 'branch'; readonly condition: Cond }
  | { readonly kind: 'indirect'; readonly target: Val }
  /** A far transfer, which the interpreter's handler has made. */
  | { readonly kind: 'far'; readonly level: Val }
  /** Goes on, if mode, translations and pending events allow. */
  | { readonly kind: 'system' };

const never = (what: string): never => {
  throw new Error(`${what} is left to the interpreter's handler`);
};

/** `scope` runs a body whose values of memory operands do not outlive it. */
export function controlOps(
  f: RegionFrame,
  end: (ending: Ending) => void,
  scope: (body: () => void) => void,
  sseMode: SseMode,
  inline: InlineHelpers,
): ControlPart {
  const { b, flags } = f;
  const carried = (): boolean => f.place.instruction.effects.readsFlags;
  const raise = (vector: number, code?: Val | number | bigint): void => {
    b.i32(vector);
    if (code === undefined) b.call(f.core('raise'));
    else {
      if (typeof code === 'object') b.push32(code);
      else b.i32(Number(code));
      b.call(f.core('raiseWithCode'));
    }
    f.exitFault();
  };
  /** Canonical in 64-bit code, within 4 GiB in flat 32-bit code. */
  const checkTarget = (target: Val): void => {
    if ((target as WasmVal).constant !== undefined) return;
    if (!f.is64) return;
    b.push64(target);
    b.i64(16);
    b.integer('shl', 64);
    b.i64(16);
    b.integer('shrS', 64);
    b.push64(target);
    b.integer('ne', 64);
    f.if(false);
    b.call(f.core('interpretInstead'));
    f.exitFault();
    f.endIf();
  };

  /** In front of conditional parts: what only one of them writes must be there behind all. */
  const loadWritten = (): void => f.state.load({ ...writtenBy(f.place.instruction), cached: 0 });

  const callHelper = (name: string, args: readonly (Val | V128)[]): void => {
    if (helperNamed(name).touches === 'flags') {
      // In locals, should it change them and then fault.
      if (flags.form === 'stored') flags.materialize();
      flags.store();
    }
    for (const arg of args) {
      if (arg.kind === 'v128') b.pushVector(arg);
      else b.push(arg);
    }
    b.call(f.core(name));
  };
  const afterHelper = (name: string): void => {
    const { file, faults, touches } = helperNamed(name);
    if (faults !== false) {
      f.checkFault();
      if (/^(sse|mxcsr)/.test(file)) sseMode.reload();
    }
    if (touches === 'flags') {
      f.state.loadFlags();
      flags.form = 'words';
    }
  };

  return {
    if(c, then, otherwise) {
      const { constant } = c as WasmCond;
      if (constant !== undefined) {
        if (constant) then();
        else otherwise?.();
        return;
      }
      // Both ways must agree on what the flag locals hold.
      const { effects } = f.place.instruction;
      if (effects.flags === 'words' || effects.readsFlags) flags.materialize();
      loadWritten();
      b.pushCond(c);
      f.if();
      scope(then);
      if (otherwise) {
        f.else();
        scope(otherwise);
      }
      f.endIf();
    },
    loop(condition, body) {
      loadWritten();
      const { loaded } = f.state;
      f.state.arms++;
      b.code.bytes([Op.block, blockVoid]);
      f.enter();
      b.code.bytes([Op.loop, blockVoid]);
      f.enter();
      b.pushCond(condition());
      b.op(Op.i32Eqz);
      b.code.bytes([Op.brIf, 1]);
      const { gpr, xmm } = f.state.dirty;
      scope(body);
      // Ways out in the loop store what was dirty before it.
      if (f.state.dirty.gpr !== gpr || f.state.dirty.xmm !== xmm)
        throw new Error('a loop of an instruction writes no register');
      b.code.bytes([Op.br, 0]);
      f.leave();
      b.op(Op.end);
      f.leave();
      b.op(Op.end);
      f.state.arms--;
      f.state.loaded = loaded;
    },
    flags(rule, result, x, y) {
      if (f.place.flagsDead) return;
      flags.set(rule, result, x, y, carried());
      // Inside s.if the other way has words.
      if (f.place.instruction.effects.flags === 'words') flags.materialize();
    },
    flagsFrom(result, carry, overflow) {
      if (!f.place.flagsDead) flags.setWords(result, carry, overflow);
    },
    flagsOfProduct(result, wide) {
      if (f.place.flagsDead) return;
      const carry = wide();
      flags.setWords(result, carry, carry);
    },
    flagsCompared(zero, parity, carry) {
      if (f.place.flagsDead) return;
      const even = typeof parity === 'boolean' ? b.boolean(parity) : parity;
      flags.setCompared(zero, even, carry);
    },
    flag(flag) {
      switch (flag) {
        case Flag.CF:
          return flags.carry();
        case Flag.OF:
          return flags.overflow();
        case Flag.ZF:
          return flags.zero();
        case Flag.SF:
          return flags.sign();
        case Flag.PF:
          return flags.parity();
        case Flag.AF:
          return flags.auxiliary();
      }
      b.i32(0);
      b.memory(Op.i32Load, f.cpu + OFF_RFLAGS);
      b.i32(flag);
      b.integer('shrU', 32);
      b.i32(1);
      b.integer('and', 32);
      return b.takeCond();
    },
    condition(code = f.place.instruction.variant.condition) {
      return flags.condition(code ?? 0);
    },
    setFlag(flag, value) {
      const cond = typeof value === 'boolean' ? b.boolean(value) : value;
      if (flag === Flag.CF) flags.setOne('carry', cond);
      else if (flag === Flag.OF) flags.setOne('overflow', cond);
      else if (flag === Flag.AF) flags.setOne('auxiliary', cond);
      else {
        b.i32(0);
        b.i32(0);
        b.memory(Op.i32Load, f.cpu + OFF_RFLAGS);
        b.i32(~(1 << flag));
        b.integer('and', 32);
        b.pushCond(cond);
        b.i32(flag);
        b.integer('shl', 32);
        b.integer('or', 32);
        b.memory(Op.i32Store, f.cpu + OFF_RFLAGS);
      }
    },
    readFlags: () => never('RFLAGS'),
    writeFlags: () => never('RFLAGS'),
    jumpRelative: () => end({ kind: 'jump' }),
    jumpRelativeIf: (condition) => end({ kind: 'branch', condition }),
    relativeTarget: () => b.constant(0, 64),
    checkTarget,
    jump(target) {
      b.push64(target);
      end({ kind: 'indirect', target: b.take(64) });
    },
    endBlock: () => end({ kind: 'system' }),
    leave: () => never('a far transfer'),
    raise: (vector, code) => raise(vector, code),
    raiseIf(c, vector, code) {
      b.pushCond(c);
      f.if(false);
      raise(vector, code);
      f.endIf();
    },
    undefined: () => raise(6),
    string: (body) => body(),
    cpl() {
      b.i32(0);
      b.memory(Op.i32Load, f.cpu + OFF_CPL);
      return b.take(32);
    },
    inMode64: () => b.boolean(f.is64),
    inProtectedMode: () => b.boolean(true),
    inVirtual8086: () => b.boolean(false),
    prefixes: () => b.constant(f.place.instruction.prefixes, 32),
    length: () => b.constant(f.place.instruction.length, 32),
    call(name, ...args) {
      const known = inline.value(name, args);
      if (known) return known;
      callHelper(name, args);
      const width = (helperNamed(name).returns ?? 64) as Width;
      if (width < 32) b.wrap(width);
      const value = b.take(width);
      afterHelper(name);
      return value;
    },
    callVector(name, ...args) {
      const known = inline.vector(name, args);
      if (known) return known;
      callHelper(name, args);
      const value = b.takeVector();
      afterHelper(name);
      return value;
    },
    callVoid(name, ...args) {
      if (inline.nothing(name, args)) return;
      callHelper(name, args);
      afterHelper(name);
    },
  };
}
