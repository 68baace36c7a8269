/**
 * What a variant's semantics does to registers and flags, found by running it once against a vocabulary that only
 * takes notes. The translator needs to know before it emits.
 */
import type { Cond, Op, Semantics, V128, Val, Var, Width } from '../isa/dsl.ts';
import type { FlagRule } from '../isa/flagRules.ts';
import { Flag } from '../isa/flagRules.ts';
import type { FormOperand } from '../isa/operands.ts';
import { helperNamed, isInlineHelper } from '../isa/helpers.ts';
import type { Variant } from '../isa/gen/variants.ts';

/** Flags after an instruction: as before, of one rule over operands in locals, or in the two state words. */
export type FlagEffect = 'none' | 'words' | { readonly rule: FlagRule; readonly width: Width };

export interface Effects {
  readonly flags: FlagEffect;
  readonly readsFlags: boolean;
  /** Its interpreter handler is called: helpers, REP, segment and system registers. */
  readonly byHandler: boolean;
  readonly control: 'next' | 'jump' | 'branch' | 'indirect';
  /** A near CALL: continues behind itself one day. */
  readonly pushesReturn: boolean;
  /** Left to the interpreter: branches of 16-bit operand size, which cut RIP. */
  readonly interpreted: boolean;
  /** A far transfer: nothing follows. */
  readonly leaves: boolean;
  /** The next instruction follows, but mode, translations or pending events may be others by then. */
  readonly endsBlock: boolean;
  /** A helper stores to guest memory, perhaps over the region's own code. */
  readonly helperStores: boolean;
  /** May leave before it is done: faults, accesses to memory, branches. */
  readonly mayLeave: boolean;
  /** General registers that it sets without naming them as an operand, as bits. */
  readonly setsRegisters: number;
  /** Functions of the core that it calls. */
  readonly helpers: readonly string[];
}

/** The operand of a form as semantics sees it. */
export function operandOf(
  { spec, access }: FormOperand,
  variant: Variant,
): Op & { access: typeof access } {
  const { width } = spec;
  return {
    spec,
    access,
    width: width === 'v' || width === 'y' ? variant.size : width,
    isMemory:
      spec.source === 'moffs' ||
      (spec.source === 'rm' && variant.isMemory && spec.memory !== 'never'),
  };
}

const known = new Map<Variant, Effects>();

export function effectsOf(variant: Variant): Effects {
  let effects = known.get(variant);
  if (effects === undefined) {
    effects = find(variant);
    known.set(variant, effects);
  }
  return effects;
}

function find(variant: Variant): Effects {
  let flags: FlagEffect = 'none';
  let readsFlags = false;
  let byHandler = false;
  let mayLeave = false;
  let leaves = false;
  let { endsBlock } = variant.form.encoding;
  let control: Effects['control'] = 'next';
  let pushesReturn = false;
  let depth = 0;
  let setsRegisters = 0;
  const helpers: string[] = [];

  const value = (width: number): Val => ({ kind: 'val', width: width as Width });
  const cond: Cond = { kind: 'cond' };
  const vector: V128 = { kind: 'v128' };
  const words = (): void => {
    flags = 'words';
  };
  const sameWidth = (a: Val): Val => value(a.width);
  const compare = (): Cond => cond;
  const nothing = (): void => undefined;
  const leaving = (): void => {
    mayLeave = true;
  };
  const setRegister = (number: number): void => {
    setsRegisters |= 1 << number;
  };
  const access = (width: Width): Val => {
    mayLeave = true;
    return value(width);
  };
  const memoryOperand = (op: Op): void => {
    if (op.isMemory) mayLeave = true;
  };
  const helper = (name: string): void => {
    helpers.push(name);
    const called = helperNamed(name);
    if (called.faults !== false) mayLeave = true;
    if (!isInlineHelper(called)) byHandler = true;
    if (called.touches === 'flags') {
      words();
      readsFlags = true;
    }
  };

  const s: Semantics = {
    size: variant.size,
    addressSize: variant.addressSize === 0 ? 64 : variant.addressSize,
    repeat: variant.repeat,
    where: variant.instruction.name,
    const: (_, width) => value(width),
    add: sameWidth,
    sub: sameWidth,
    mul: sameWidth,
    mulHighU: sameWidth,
    mulHighS: sameWidth,
    divU: sameWidth,
    remU: sameWidth,
    divS: sameWidth,
    remS: sameWidth,
    and: sameWidth,
    or: sameWidth,
    xor: sameWidth,
    not: sameWidth,
    neg: sameWidth,
    shl: sameWidth,
    shrU: sameWidth,
    shrS: sameWidth,
    rotl: sameWidth,
    rotr: sameWidth,
    clz: sameWidth,
    ctz: sameWidth,
    popcnt: sameWidth,
    byteSwap: sameWidth,
    zeroExtend: (_, width) => value(width),
    signExtend: (_, width) => value(width),
    truncate: (_, width) => value(width),
    eq: compare,
    ne: compare,
    ltU: compare,
    leU: compare,
    gtU: compare,
    geU: compare,
    ltS: compare,
    leS: compare,
    gtS: compare,
    geS: compare,
    isZero: compare,
    isNonZero: compare,
    bit: compare,
    both: compare,
    either: compare,
    negate: compare,
    fromCond: (_, width) => value(width),
    select: (_, a) => sameWidth(a),
    if(_, then, otherwise) {
      depth++;
      then();
      otherwise?.();
      depth--;
    },
    variable: (initial): Var => ({ kind: 'var', width: initial.width }),
    get: (v) => value(v.width),
    set: nothing,
    loop(condition, body) {
      depth++;
      condition();
      body();
      depth--;
    },
    read(op) {
      memoryOperand(op);
      return value(op.width);
    },
    write: memoryOperand,
    writeZeroUpper: nothing,
    readVector(op) {
      memoryOperand(op);
      return vector;
    },
    writeVector: memoryOperand,
    readAligned(op) {
      memoryOperand(op);
      return vector;
    },
    writeAligned: memoryOperand,
    readXmm: () => vector,
    writeXmm: nothing,
    index: () => value(32),
    selector: () => value(16),
    address: () => value(64),
    segment: () => value(32),
    linear() {
      mayLeave = true;
      return value(64);
    },
    displaced: (op, _, width) => ({ ...op, width }),
    loadAt: (_op, _offset, width) => access(width),
    storeAt: leaving,
    checkWrite: leaving,
    reg: (_, width) => value(width),
    setReg: setRegister,
    regHigh: () => value(8),
    setRegHigh: setRegister,
    nextRip: () => value(64),
    currentRip: () => value(64),
    load: (_segment, _offset, width) => access(width),
    loadForWrite: (_segment, _offset, width) => access(width),
    store: leaving,
    storeVector: leaving,
    checkStore: leaving,
    stackLoad: (_, width) => access(width),
    stackStore: leaving,
    stackAdjust: () => setRegister(4),
    push() {
      mayLeave = true;
      setRegister(4);
    },
    pop(width) {
      setRegister(4);
      return access(width);
    },
    flags(rule, result) {
      if (rule === 'inc' || rule === 'dec') readsFlags = true;
      flags = depth > 0 || flags !== 'none' ? 'words' : { rule, width: result.width };
      if (depth > 0) readsFlags = true;
    },
    flagsFrom() {
      words();
      if (depth > 0) readsFlags = true;
    },
    flagsOfProduct(_result, wide) {
      wide();
      words();
      if (depth > 0) readsFlags = true;
    },
    flagsCompared() {
      words();
      if (depth > 0) readsFlags = true;
    },
    flag(flag) {
      if (flag !== Flag.DF) readsFlags = true;
      return cond;
    },
    condition() {
      readsFlags = true;
      return cond;
    },
    setFlag(flag) {
      if (flag === Flag.DF) return;
      if (flag !== Flag.CF && flag !== Flag.OF && flag !== Flag.AF) byHandler = true;
      words();
      readsFlags = true;
    },
    readFlags() {
      byHandler = true;
      return value(32);
    },
    writeFlags() {
      byHandler = true;
    },
    jumpRelative() {
      control = 'jump';
    },
    jumpRelativeIf() {
      control = 'branch';
    },
    relativeTarget() {
      pushesReturn = true;
      return value(64);
    },
    checkTarget: leaving,
    jump() {
      control = 'indirect';
    },
    endBlock() {
      endsBlock = true;
    },
    leave() {
      leaves = true;
    },
    raise: leaving,
    raiseIf: leaving,
    undefined: leaving,
    string(body) {
      if (variant.repeat === 'none') body();
      else byHandler = true;
    },
    cpl: () => value(32),
    inMode64: () => cond,
    inProtectedMode: () => cond,
    inVirtual8086: () => cond,
    prefixes: () => value(32),
    length: () => value(32),
    call(name) {
      helper(name);
      return value(helperNamed(name).returns ?? 64);
    },
    callVector(name) {
      helper(name);
      return vector;
    },
    callVoid: helper,
    simd: () => vector,
    simdShift: () => vector,
    vectorConst: () => vector,
    splat: () => vector,
    lane: (shape) =>
      value(
        shape.startsWith('i8') ? 8 : shape.startsWith('i16') ? 16 : shape.endsWith('x4') ? 32 : 64,
      ),
    withLane: () => vector,
    shuffle: () => vector,
    bitmask: () => value(32),
    anyTrue: () => cond,
    allTrue: () => cond,
    selectVector: () => vector,
  };
  variant.instruction.semantics(
    s,
    ...variant.form.operands.map((operand) => operandOf(operand, variant)),
  );
  if (variant.instruction.name === 'CALL') pushesReturn = true;
  const interpreted = control !== 'next' && variant.isSized && variant.size === 16;
  // A handler leaves the flags in the state words.
  if (byHandler || leaves) {
    byHandler = true;
    flags = 'words';
    readsFlags = true;
  }
  const helperStores = helpers.some((name) => {
    const { faults, writes } = helperNamed(name);
    return faults !== false && writes !== false;
  });
  return {
    flags,
    readsFlags,
    byHandler,
    control,
    pushesReturn,
    leaves,
    endsBlock,
    helperStores,
    interpreted,
    setsRegisters,
    mayLeave: mayLeave || byHandler || interpreted || endsBlock || control !== 'next',
    helpers,
  };
}
