/**
 * The vocabulary in which instructions are written: `inst(name, { forms, semantics })`. The same
 * semantics function is run by the AssemblyScript printer at build time (isa/gen) and, later, by
 * the translator's wasm emitter, so it describes code and never computes guest values itself.
 *
 * Rules
 * - TypeScript control flow may look at `s.size`, `s.addressSize`, `op.width`, `op.isMemory` and
 *   `s.repeat` only: those are constants of the variant being printed. Choice by guest values is
 *   `s.select`, `s.if`, `s.loop`.
 * - Everything that can fault comes before the first write of architectural state (registers,
 *   flags, memory). A memory write is itself faulting unless its operand is `rw` and was read.
 *   The generator checks this on every path.
 * - Values (`Val`) have an exact width of 8, 16, 32 or 64 and are zero-extended; both sides of an
 *   operation have the same width. Where one side fixes the width the other may be a number.
 */
import type { Form } from './forms.ts';
import type { OperandSpec } from './operands.ts';
import type { Flag, FlagRule } from './flagRules.ts';
import { register } from './registry.ts';

export type Width = 8 | 16 | 32 | 64;

/** An integer value of the guest; immutable. */
export interface Val {
  readonly kind: 'val';
  readonly width: Width;
}
/** A truth value. */
export interface Cond {
  readonly kind: 'cond';
}
/** A 128-bit vector. */
export interface V128 {
  readonly kind: 'v128';
}
/** A mutable local. */
export interface Var {
  readonly kind: 'var';
  readonly width: Width;
}
/** A number takes the width of the other side. */
export type In = Val | number | bigint;

/** An operand of the form, in the order of the form's list. */
export interface Op {
  readonly spec: OperandSpec;
  /** Width in bits with 'v' and 'y' resolved; 0, 80 and 128 are possible too. */
  readonly width: number;
  /** True in the variant whose operand is memory (constant of the variant). */
  readonly isMemory: boolean;
}

/** Lane shapes as in the wasm SIMD specification. */
export type Shape = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2';

/**
 * wasm SIMD operators without immediate, by their AssemblyScript names, e.g. 'i8x16.add',
 * 'i16x8.add_sat_s', 'i16x8.mul', 'i32x4.dot_i16x8_s', 'i8x16.narrow_i16x8_u',
 * 'i16x8.extend_low_i8x16_s', 'i16x8.extmul_high_i8x16_u', 'i8x16.swizzle', 'v128.and',
 * 'v128.andnot' (a & ~b), 'v128.bitselect' (a where mask, else b; mask last), 'v128.not',
 * 'i8x16.eq', 'i32x4.gt_s', 'i8x16.avgr_u', 'i16x8.q15mulr_sat_s', 'f64x2.promote_low_f32x4', ...
 */
export type SimdOp = `${Shape | 'v128'}.${string}`;

export interface Semantics {
  // -- constants of the variant ---------------------------------------------------------------
  /** Operand size in bits: 16, 32 or 64 in forms that expand over it, else 32. */
  readonly size: 16 | 32 | 64;
  /** Address size; only in `addressSized()` forms. */
  readonly addressSize: 16 | 32 | 64;
  /** REP form being printed: 'none' | 'rep' | 'repz' (F3 with CMPS/SCAS) | 'repnz' (F2). */
  readonly repeat: 'none' | 'rep' | 'repz' | 'repnz';
  /** Instruction and form, for error messages. */
  readonly where: string;

  // -- integer values -------------------------------------------------------------------------
  const(value: number | bigint, width: Width): Val;
  add(a: Val, b: In): Val;
  sub(a: Val, b: In): Val;
  mul(a: Val, b: In): Val;
  /** High half of the product of two values of the same width (8..64). */
  mulHighU(a: Val, b: In): Val;
  mulHighS(a: Val, b: In): Val;
  /** The divisor must not be zero, and divS/remS must not overflow: check and raise first. */
  divU(a: Val, b: In): Val;
  remU(a: Val, b: In): Val;
  divS(a: Val, b: In): Val;
  remS(a: Val, b: In): Val;
  and(a: Val, b: In): Val;
  or(a: Val, b: In): Val;
  xor(a: Val, b: In): Val;
  not(a: Val): Val;
  neg(a: Val): Val;
  /** Shift counts are values of any width, already masked by the author to 0..63 (64-bit values)
   * or 0..31 (narrower). 8- and 16-bit values shifted by their width or more give 0 (or the sign). */
  shl(a: Val, count: In): Val;
  shrU(a: Val, count: In): Val;
  shrS(a: Val, count: In): Val;
  /** Rotations by count modulo the width. */
  rotl(a: Val, count: In): Val;
  rotr(a: Val, count: In): Val;
  clz(a: Val): Val;
  ctz(a: Val): Val;
  popcnt(a: Val): Val;
  byteSwap(a: Val): Val;
  /** To a wider width (the same width is allowed and does nothing). */
  zeroExtend(a: Val, width: Width): Val;
  signExtend(a: Val, width: Width): Val;
  /** To a narrower (or the same) width. */
  truncate(a: Val, width: Width): Val;

  // -- truth values ---------------------------------------------------------------------------
  eq(a: Val, b: In): Cond;
  ne(a: Val, b: In): Cond;
  ltU(a: Val, b: In): Cond;
  leU(a: Val, b: In): Cond;
  gtU(a: Val, b: In): Cond;
  geU(a: Val, b: In): Cond;
  ltS(a: Val, b: In): Cond;
  leS(a: Val, b: In): Cond;
  gtS(a: Val, b: In): Cond;
  geS(a: Val, b: In): Cond;
  isZero(a: Val): Cond;
  isNonZero(a: Val): Cond;
  /** Bit `index` (constant) of a. */
  bit(a: Val, index: number): Cond;
  both(a: Cond, b: Cond): Cond;
  either(a: Cond, b: Cond): Cond;
  negate(a: Cond): Cond;
  /** 1 or 0. */
  fromCond(c: Cond, width: Width): Val;
  select(c: Cond, a: Val, b: In): Val;
  if(c: Cond, then: () => void, otherwise?: () => void): void;
  /** A mutable local: for values that leave `s.if`, and loops. */
  variable(initial: Val): Var;
  get(v: Var): Val;
  set(v: Var, value: In): void;
  /** Repeats body while the condition computed at its top holds; for bounded loops (ENTER). */
  loop(condition: () => Cond, body: () => void): void;

  // -- operands -------------------------------------------------------------------------------
  /** Value of a register, memory, immediate or constant operand, `op.width` wide (8..64). For an
   * XMM or MMX register: its low bits. Memory: loads, may fault; a second read returns the first's
   * value. Not for 'segment', 'control', 'debug', 'x87' files: see `index`. */
  read(op: Op): Val;
  /** Writes `op.width` bits. GPR: 32 zero-extends to 64, 8/16 merge. XMM: only the low bits change.
   * MMX: the mantissa, and exponent bits become all ones. */
  write(op: Op, value: In): void;
  /** XMM register: low bits written, the rest cleared (MOVD, MOVQ, MOVSS load form). */
  writeZeroUpper(op: Op, value: Val): void;
  /** 128-bit XMM register or memory operand (unaligned memory allowed). */
  readVector(op: Op): V128;
  writeVector(op: Op, value: V128): void;
  /** The same, with #GP(0) if memory is not 16-byte aligned (SSE operands, MOVAPS). */
  readAligned(op: Op): V128;
  writeAligned(op: Op, value: V128): void;
  /** XMM register number as V128, for implicit operands. */
  readXmm(number: number): V128;
  writeXmm(number: number, value: V128): void;
  /** Register number of a segment, control, debug or x87 operand (or any other), 32 bits. */
  index(op: Op): Val;
  /** Selector of an `Ap` operand, 16 bits. */
  selector(op: Op): Val;
  /** Effective address of a memory operand (offset in its segment), as 64-bit value truncated to
   * the address size. Faults not. */
  address(op: Op): Val;
  /** Segment number of a memory operand with overrides applied, 32 bits. */
  segment(op: Op): Val;
  /** Linear address of the `bytes` at a memory operand, after segment checks (may fault). */
  linear(op: Op, bytes: number, write: boolean): Val;
  /** The memory operand displaced by `offset` bytes (64-bit, wraps at the address size), with its
   * own width: BT with register index, far pointers, FXSAVE images. */
  displaced(op: Op, offset: In, width: number, access: 'r' | 'w' | 'rw'): Op;
  /** Shorthand for reading/writing at a displacement. */
  loadAt(op: Op, offset: number, width: Width): Val;
  storeAt(op: Op, offset: number, value: Val): void;
  /** Raises what a write of the operand would raise, writes nothing. */
  checkWrite(op: Op): void;

  // -- registers by name ----------------------------------------------------------------------
  /** Low `width` bits of a general register (`Reg.RAX`). */
  reg(number: number, width: Width): Val;
  /** As GPR writes: 32 zero-extends, 8/16 merge. */
  setReg(number: number, value: Val): void;
  /** AH, CH, DH, BH for numbers 0..3. */
  regHigh(number: number): Val;
  setRegHigh(number: number, value: Val): void;
  /** Address of the next instruction, truncated to the operand size of code (64 bits wide Val). */
  nextRip(): Val;
  /** Address of this instruction, 64 bits. */
  currentRip(): Val;

  // -- memory by segment and offset -----------------------------------------------------------
  /** `offset` is 16, 32 or 64 wide: its width is the address size. `segment`: `Seg.ES` etc., or
   * 'ds' = DS unless overridden (string sources, XLAT). */
  load(segment: number | 'ds', offset: Val, width: Width): Val;
  /** Like load, but checks for writing, so that a later store of the same width cannot fault. */
  loadForWrite(segment: number | 'ds', offset: Val, width: Width): Val;
  store(segment: number | 'ds', offset: Val, value: Val): void;
  storeVector(segment: number | 'ds', offset: Val, value: V128): void;
  /** Raises what a store would raise. */
  checkStore(segment: number | 'ds', offset: Val, width: Width): void;

  // -- stack (SS:rSP, stack address size looked at) ---------------------------------------------
  /** Reads at rSP + offset; rSP stays. */
  stackLoad(offset: number, width: Width): Val;
  /** Writes at rSP + offset (negative for pushes); rSP stays. */
  stackStore(offset: number, value: Val): void;
  /** rSP += delta (a register write of the stack address size). */
  stackAdjust(delta: In): void;
  /** stackStore(-n) and stackAdjust(-n). The store is the faulting part. */
  push(value: Val): void;
  /** stackLoad(0) and stackAdjust(n): use stackLoad if something faulting follows. */
  pop(width: Width): Val;

  // -- flags ----------------------------------------------------------------------------------
  /** Flags by rule from operands and result (all of one width). */
  flags(rule: FlagRule, result: Val, a?: Val, b?: Val): void;
  /** SF, ZF, PF from result; CF and OF given; AF = 0 (shifts, MUL, rotates use setFlag). */
  flagsFrom(result: Val, carry: Cond, overflow: Cond): void;
  /** The same with CF and OF set by one condition, which is dear: it is only made where flags are seen. */
  flagsOfProduct(result: Val, wide: () => Cond): void;
  /** ZF, PF and CF as given; OF, SF and AF = 0 (COMISD, FCOMI, PTEST). */
  flagsCompared(zero: Cond, parity: Cond | boolean, carry: Cond): void;
  flag(flag: Flag): Cond;
  /** Condition code 0..15 of Jcc/SETcc/CMOVcc (SDM 1 appendix B). Without argument: of the opcode
   * of a `conditional()` form. */
  condition(code?: number): Cond;
  setFlag(flag: Flag, value: Cond | boolean): void;
  /** RFLAGS bits 0..15 image as a 32-bit value / writing the bits of the constant mask. */
  readFlags(): Val;
  writeFlags(value: Val, mask: number): void;

  // -- control flow ---------------------------------------------------------------------------
  /** Direct branch to a 'rel' operand. */
  jumpRelative(op: Op): void;
  /** Direct conditional branch; falls through otherwise. Last statement of its semantics. */
  jumpRelativeIf(c: Cond, op: Op): void;
  /** Target of a 'rel' operand (64 bits, truncated to operand size), after its check. */
  relativeTarget(op: Op): Val;
  /** #GP(0) if a near branch to the offset is not allowed (canonical, CS limit). CALL and RET use it
   * before they touch the stack. */
  checkTarget(target: Val): void;
  /** Near branch to an offset: zero-extended by operand size; checkTarget is the author's. */
  jump(target: Val): void;
  /** The instruction is complete and the next RIP is stored; the block ends (STI, MOV SS, MOV CR, WRMSR). */
  endBlock(): void;
  /** A helper has stored RIP (far transfers, IRET, INT): the block ends. */
  leave(): void;
  /** Raises an exception on this instruction; the code may be a value. Nothing after it runs. */
  raise(vector: number, code?: In): void;
  raiseIf(c: Cond, vector: number, code?: In): void;
  undefined(): void;

  // -- REP ------------------------------------------------------------------------------------
  /**
   * Body of a string instruction. Without REP it runs once. With REP the generator wraps it: rCX
   * of address size, interruptible, faults between iterations precise; RIP stays on the
   * instruction while work is left. 'repz'/'repnz' look at ZF after each iteration.
   * `bulk` names a helper `(segment: u32, bytes: u32, addressSize: u32) -> u32` that moves as many
   * elements as it can at once, updates rSI/rDI/rCX itself and returns how many (0 = none).
   */
  string(body: () => void, bulk?: string): void;

  // -- the machine ----------------------------------------------------------------------------
  /** Current privilege level, 32 bits. */
  cpl(): Val;
  inMode64(): Cond;
  inProtectedMode(): Cond;
  inVirtual8086(): Cond;
  /** REP/REPNE/LOCK/66 prefixes of this instruction at run time (rarely needed), 32 bits: 1 = F3,
   * 2 = F2, 4 = LOCK, 8 = 66, 16 = REX.W, 32 = segment override present. */
  prefixes(): Val;
  /** Length of this instruction in bytes, 32 bits. */
  length(): Val;
  /** Calls a helper of isa/helpers.ts that returns an integer. */
  call(name: string, ...args: readonly (Val | V128)[]): Val;
  callVector(name: string, ...args: readonly (Val | V128)[]): V128;
  callVoid(name: string, ...args: readonly (Val | V128)[]): void;

  // -- SIMD -----------------------------------------------------------------------------------
  simd(op: SimdOp, ...args: readonly V128[]): V128;
  /** Lane shifts 'i16x8.shl', 'i32x4.shr_u', ...: the count (32 bits) is taken modulo the lane width
   * as wasm does; x86 counts beyond it are the author's. */
  simdShift(op: SimdOp, a: V128, count: Val): V128;
  vectorConst(low: bigint, high: bigint): V128;
  splat(shape: Shape, value: Val): V128;
  /** Lane as zero-extended integer (f32x4/f64x2 are not used: take i32x4/i64x2). */
  lane(shape: Shape, v: V128, index: number): Val;
  withLane(shape: Shape, v: V128, index: number, value: Val): V128;
  /** i8x16.shuffle: indices 0..15 from a, 16..31 from b. */
  shuffle(a: V128, b: V128, indices: readonly number[]): V128;
  bitmask(shape: Shape, v: V128): Val;
  anyTrue(v: V128): Cond;
  allTrue(shape: Shape, v: V128): Cond;
  selectVector(c: Cond, a: V128, b: V128): V128;
}

export type SemanticsFunction = (s: Semantics, ...operands: Op[]) => void;

export interface Instruction {
  readonly name: string;
  readonly forms: readonly Form[];
  readonly semantics: SemanticsFunction;
}

/** Defines and registers an instruction. Several `inst` may share a name. */
export function inst(
  name: string,
  definition: { readonly forms: readonly Form[]; readonly semantics: SemanticsFunction },
): Instruction {
  const instruction: Instruction = { name, ...definition };
  register(instruction);
  return instruction;
}
