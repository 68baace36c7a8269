/**
 * Accesses of a block that name the same registers and lie near each other, as those of a stack frame or of a structure do: the first one
 * looks whether all of them are in one page and keeps where they lie in a local, the others only look whether that is known.
 * A way into one block alone takes what is known along.
 */
import type { FormOperand } from '../isa/operands.ts';
import { operandOf } from './effects.ts';
import type { FunctionBuilder } from './functionBuilder.ts';
import type { GuestInstruction } from './guestCode.ts';
import type { GuestState } from './guestState.ts';
import { writtenBy } from './loopPages.ts';
import { ValueType } from './wasmOpcodes.ts';

type Base = number | 'rip' | undefined;

export interface AccessGroup {
  readonly base: Base;
  readonly index: number | undefined;
  readonly scale: number;
  /** The TLB's table that was looked at: what may be written may be read. */
  readonly isWritable: boolean;
  /** What the registers have become more by since the group was made. */
  readonly moved: number;
  /** Bytes that are in the page, relative to the registers then. */
  readonly low: number;
  readonly high: number;
  /** Local: wasm address of `low`, or 0 if that is not known. */
  readonly host: number;
}

export interface GroupedAccess {
  readonly group: AccessGroup;
  /** Of the access behind `group.host`. */
  readonly offset: number;
  /** The access has to find out where the group lies. */
  readonly isFirst: boolean;
}

/** One memory operand, relative to its registers as they are when the instruction starts. */
interface Wanted {
  readonly base: Base;
  readonly index: number | undefined;
  readonly scale: number;
  readonly from: number;
  readonly bytes: number;
  readonly isWrite: boolean;
}

const RSP = 4;
/** Bytes that a group may span: the more, the more often a page ends inside. */
const spanLimit = 512;
const liveLimit = 6;

export class AccessGroups {
  readonly #b: FunctionBuilder;
  readonly #state: GuestState;
  readonly #native: number;
  readonly #hosts: number[] = [];
  #instructions: readonly GuestInstruction[] = [];
  #at = 0;
  #blockOffset = 0;
  /** What the instruction under way has added to RSP. */
  #stackMoved: number | undefined = 0;

  constructor(b: FunctionBuilder, state: GuestState) {
    this.#b = b;
    this.#state = state;
    this.#native = state.width;
  }

  startInstruction(
    instructions: readonly GuestInstruction[],
    at: number,
    blockOffset: number,
  ): void {
    this.#instructions = instructions;
    this.#at = at;
    this.#blockOffset = blockOffset;
    this.#stackMoved = 0;
  }

  /** Registers are others now. */
  endInstruction(): void {
    const { loaded } = this.#state;
    if (loaded.groups.length === 0) return;
    const one = this.#instructions[this.#at]!;
    const isStack = stackWords(one) !== undefined && !(writtenBy(one, true).gpr & (1 << RSP));
    const groups = loaded.groups.flatMap((group) => {
      const step = isStack && group.base === RSP ? this.#stackMoved : this.#step(one, group);
      if (step === undefined) return [];
      return step === 0 ? [group] : [{ ...group, moved: group.moved + step }];
    });
    this.#state.loaded = { ...loaded, groups };
  }

  /** The instruction under way adds a constant, or something else, to RSP. */
  stackMoves(bytes: number | undefined): void {
    if (bytes === undefined) this.#stackMoved = undefined;
    else if (this.#stackMoved !== undefined) this.#stackMoved += bytes;
  }

  /** For the instruction's memory operand. */
  operand(bytes: number, isWrite: boolean): GroupedAccess | undefined {
    const one = this.#instructions[this.#at]!;
    const wanted = this.#operandOf(one, bytes, isWrite);
    if (wanted?.base === RSP && this.#stackMoved !== 0) return undefined;
    return wanted && this.#find(wanted);
  }

  /** For bytes at an offset from RSP as it is now. */
  stack(offset: number, bytes: number, isWrite: boolean): GroupedAccess | undefined {
    const one = this.#instructions[this.#at]!;
    if (stackWords(one) === undefined || this.#stackMoved === undefined) return undefined;
    const from = offset + this.#stackMoved;
    return this.#find({ base: RSP, index: undefined, scale: 0, from, bytes, isWrite });
  }

  #find(wanted: Wanted): GroupedAccess | undefined {
    const { from, bytes, isWrite } = wanted;
    const { groups } = this.#state.loaded;
    for (const group of groups) {
      const offset = group.moved + from - group.low;
      if (!isSame(group, wanted) || (isWrite && !group.isWritable)) continue;
      if (offset < 0 || group.moved + from + bytes > group.high) continue;
      return { group, offset, isFirst: false };
    }
    const { low, high, count, isWritable } = this.#ahead(wanted);
    if (count < 2) return undefined;
    const kept = groups.filter((group) => !isSame(group, wanted)).slice(-(liveLimit - 1));
    const number = [...Array(liveLimit).keys()].find(
      (n) => !kept.some(({ host }) => host === this.#hosts[n]),
    )!;
    const host = (this.#hosts[number] ??= this.#b.permanent(ValueType.i32));
    const { base, index, scale } = wanted;
    const group = { base, index, scale, isWritable, moved: 0, low, high, host };
    this.#state.loaded = { ...this.#state.loaded, groups: [...kept, group] };
    return { group, offset: from - low, isFirst: true };
  }

  /** What accesses of the same registers from here to the block's end, or until these are unknown, span. */
  #ahead(first: Wanted): { low: number; high: number; count: number; isWritable: boolean } {
    let low = first.from;
    let high = first.from + first.bytes;
    let isWritable = first.isWrite;
    let count = 0;
    let moved = 0;
    for (let i = this.#at; i < this.#instructions.length; i++) {
      const one = this.#instructions[i]!;
      if (one.effects.byHandler) break;
      const words = stackWords(one);
      const onStack = words === undefined ? undefined : stackWanted(one, words);
      for (const wanted of [this.#operandOf(one), onStack]) {
        if (wanted === undefined || !isSame(wanted, first)) continue;
        const from = moved + wanted.from;
        const span = [Math.min(low, from), Math.max(high, from + wanted.bytes)] as const;
        if (span[1] - span[0] > spanLimit) continue;
        [low, high] = span;
        isWritable ||= wanted.isWrite;
        count++;
      }
      const step = this.#step(one, first);
      if (step === undefined) break;
      moved += step;
    }
    return { low, high, count, isWritable };
  }

  #operandOf(
    { variant, addressKind, memory }: GuestInstruction,
    bytes?: number,
    isWrite?: boolean,
  ): Wanted | undefined {
    const operand = variant.form.operands.find(({ spec }) => spec.source === 'rm');
    if (!operand || !variant.isMemory || operand.access === 'a') return undefined;
    if (addressKind !== (this.#native === 64 ? 0 : 2)) return undefined;
    // POP's is relative to RSP behind it.
    if (memory.base === RSP && variant.instruction.name === 'POP') return undefined;
    const size = bytes ?? sizeOf(operand, variant);
    if (size === 0) return undefined;
    const { base, index, scale, displacement } = memory;
    const from = Number(displacement) + (base === 'rip' ? this.#blockOffset : 0);
    return { base, index, scale, from, bytes: size, isWrite: isWrite ?? operand.access !== 'r' };
  }

  /** What an instruction adds to the registers; undefined if it makes them unknown. */
  #step(
    one: GuestInstruction,
    { base, index }: { base: Base; index: number | undefined },
  ): number | undefined {
    if (one.effects.byHandler) return undefined;
    const written = writtenBy(one).gpr;
    if (index !== undefined && written & (1 << index)) return undefined;
    if (typeof base !== 'number' || !(written & (1 << base))) return 0;
    return constantStep(one, base, this.#native);
  }
}

const isSame = (
  a: { base: Base; index: number | undefined; scale: number },
  b: { base: Base; index: number | undefined; scale: number },
): boolean =>
  a.base === b.base && a.index === b.index && (a.index === undefined || a.scale === b.scale);

const sizeOf = (operand: FormOperand, variant: GuestInstruction['variant']): number => {
  const { width } = operandOf(operand, variant);
  return [8, 16, 32, 64, 128].includes(width) ? width / 8 : 0;
};

/** What the plain stack instructions add to RSP; undefined for others. */
function stackWords({ variant, effects }: GuestInstruction): number | undefined {
  if (effects.byHandler) return undefined;
  const { name } = variant.instruction;
  const bytes = variant.size / 8;
  if (name === 'PUSH' || name === 'CALL') return -bytes;
  return name === 'POP' || name === 'RET' ? bytes : undefined;
}
const stackWanted = ({ variant }: GuestInstruction, step: number): Wanted => ({
  base: RSP,
  index: undefined,
  scale: 0,
  from: Math.min(0, step),
  bytes: variant.size / 8,
  isWrite: step < 0,
});

/** What an instruction that writes a register adds to it; undefined if that is no constant. */
function constantStep(one: GuestInstruction, register: number, native: number): number | undefined {
  const { variant, reg, rm, memory, immediate, effects } = one;
  const { name } = variant.instruction;
  const [to, by] = variant.form.operands;
  const isNamed = writtenBy(one, true).gpr & (1 << register);
  if (!isNamed) {
    // RET n and others that do more than their name says end the block or are rare.
    if (register !== RSP || (effects.setsRegisters & ~(1 << RSP)) !== 0) return undefined;
    return name === 'RET' ? undefined : stackWords(one);
  }
  if (stackWords(one) !== undefined || variant.size !== native || to === undefined)
    return undefined;
  const { source, fixed } = to.spec;
  const isRegister = source === 'rm' && !variant.isMemory;
  const target =
    source === 'fixed' ? fixed : source === 'reg' ? reg.number : isRegister ? rm.number : undefined;
  if (target !== register) return undefined;
  if (name === 'LEA') {
    const isPlain = memory.base === register && memory.index === undefined;
    return isPlain && one.addressBytes * 8 === native ? Number(memory.displacement) : undefined;
  }
  if (name === 'INC') return 1;
  if (name === 'DEC') return -1;
  if ((name !== 'ADD' && name !== 'SUB') || by?.spec.source !== 'imm') return undefined;
  const value = Number(BigInt.asIntN(32, immediate));
  return name === 'ADD' ? value : -value;
}
