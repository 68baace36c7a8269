/**
 * What small innermost loops keep in locals from round to round: their registers, and the pages (pageCache.ts) of memory operands whose address
 * moves in steps, or not at all. A heuristic: where it is wrong code is slower, not different.
 */
import type { GuestInstruction, RegionSource } from './guestCode.ts';
import {
  cachedContext,
  cachedMxcsr,
  cachedStack,
  type Loaded,
  type RegisterSet,
} from './guestState.ts';

/** Members of each loop that has no other in it, the header first. */
function innermostLoops(
  successors: readonly (readonly number[])[],
  isBackEdge: (from: number, to: number) => boolean,
): number[][] {
  const predecessors: number[][] = successors.map(() => []);
  successors.forEach((list, from) => list.forEach((to) => predecessors[to]!.push(from)));
  const loops = new Map<number, Set<number>>();
  successors.forEach((list, from) => {
    for (const header of list) {
      if (!isBackEdge(from, header)) continue;
      const members = loops.get(header) ?? new Set([header]);
      loops.set(header, members);
      const work = [from];
      for (let node = work.pop(); node !== undefined; node = work.pop()) {
        if (members.has(node)) continue;
        members.add(node);
        work.push(...predecessors[node]!);
      }
    }
  });
  return [...loops]
    .filter(([header, members]) => ![...loops.keys()].some((h) => h !== header && members.has(h)))
    .map(([, members]) => [...members]);
}

const bit = (register: number | 'rip' | undefined): number =>
  typeof register === 'number' ? 1 << register : 0;

/** Registers of one file in explicit operands, as bits. */
function registersOf(
  { variant, reg, rm }: GuestInstruction,
  access: 'read' | 'written',
  file: 'gpr' | 'xmm' = 'gpr',
): number {
  let bits = 0;
  for (const { spec, access: how } of variant.form.operands) {
    if (access === 'written' ? how !== 'w' && how !== 'rw' : how === 'w') continue;
    if (spec.source === 'fixed' && (spec.file === 'xmm') === (file === 'xmm'))
      bits |= bit(spec.fixed);
    const isRm = spec.source === 'rm' || spec.source === 'low';
    const operand = spec.source === 'reg' ? reg : isRm ? rm : undefined;
    if (operand?.file !== file || (spec.source === 'rm' && variant.isMemory)) continue;
    bits |= 1 << operand.number;
  }
  return bits;
}

const steps = new Set(['ADD', 'SUB', 'INC', 'DEC', 'LEA', 'MOV']);
const stack = 1 << 4;

/** Registers that get other values in the loop than by steps. */
function wildRegisters(instructions: readonly GuestInstruction[]): number {
  let wild = 0;
  for (let before = -1; before !== wild;) {
    before = wild;
    for (const one of instructions) {
      const { variant, effects, memory } = one;
      const written = registersOf(one, 'written') | effects.setsRegisters;
      const isLea = variant.instruction.name === 'LEA';
      const read = isLea ? bit(memory.base) | bit(memory.index) : registersOf(one, 'read');
      const isStep =
        steps.has(variant.instruction.name) && (isLea || !variant.isMemory) && (read & wild) === 0;
      if (!isStep) wild |= written;
    }
  }
  return wild & ~stack;
}

const cacheLimit = 4;
/** In larger loops the locals cost more than they save. */
const loopLimit = 4;
/** Blocks of a loop whose registers stay in locals. */
const keptLimit = 12;
/** Operands of the same registers this close share a page. */
const nearby = 2048n;

interface Group {
  readonly key: string;
  readonly displacement: bigint;
  readonly members: GuestInstruction[];
}

/** Instructions of one loop whose memory operands are likely to stay in one page from one round to the next. */
export interface PageGroup {
  readonly header: number;
  readonly members: readonly GuestInstruction[];
}
export function loopPages(
  { blocks }: RegionSource,
  successors: readonly (readonly number[])[],
  isBackEdge: (from: number, to: number) => boolean,
): PageGroup[] {
  const found: PageGroup[] = [];
  for (const loop of innermostLoops(successors, isBackEdge)) {
    if (loop.length > loopLimit) continue;
    const instructions = loop.flatMap((number) => blocks[number]!.instructions);
    if (instructions.some(({ effects }) => effects.byHandler || effects.endsBlock)) continue;
    const wild = wildRegisters(instructions);
    const groups: Group[] = [];
    for (const one of instructions) {
      const { memory, variant, addressKind } = one;
      const operand = variant.form.operands.find(({ spec }) => spec.source === 'rm');
      if (!operand || !variant.isMemory || operand.access === 'a') continue;
      if (addressKind !== 0 && addressKind !== 2) continue;
      if ((bit(memory.base) | bit(memory.index)) & (wild | stack)) continue;
      const kind = operand.access === 'r' ? 'read' : 'write';
      const key = `${kind} ${memory.base} ${memory.index} ${memory.scale}`;
      const near = groups.find((group) => {
        const distance = group.displacement - memory.displacement;
        return group.key === key && distance < nearby && distance > -nearby;
      });
      if (near) near.members.push(one);
      else groups.push({ key, displacement: memory.displacement, members: [one] });
    }
    found.push(...groups.map(({ members }) => ({ header: loop[0]!, members })));
  }
  return found.sort((a, b) => b.members.length - a.members.length).slice(0, cacheLimit);
}

/** An innermost loop whose registers stay in their locals. */
export interface KeptLoop {
  readonly header: number;
  /** Loaded at the start of each of its blocks. */
  readonly loaded: Loaded;
  /** Of these, what may be dirty there; it is stored behind the loop. */
  readonly dirty: RegisterSet;
}

/** For each block the loop that it is in, if that is small and entered at its header only. */
export function keptLoops(
  { blocks }: RegionSource,
  successors: readonly (readonly number[])[],
  entries: readonly number[],
  isBackEdge: (from: number, to: number) => boolean,
): (KeptLoop | undefined)[] {
  const kept: (KeptLoop | undefined)[] = blocks.map(() => undefined);
  for (const loop of innermostLoops(successors, isBackEdge)) {
    if (loop.length > keptLimit) continue;
    const [header, ...others] = loop as [number, ...number[]];
    const members = new Set(loop);
    if (others.some((member) => entries.includes(member))) continue;
    const isEntered = successors.some(
      (list, from) => !members.has(from) && list.some((to) => to !== header && members.has(to)),
    );
    if (isEntered) continue;
    const instructions = loop.flatMap((number) => blocks[number]!.instructions);
    if (instructions.some(({ effects }) => effects.byHandler)) continue;
    const loaded = { gpr: 0, xmm: 0, cached: cachedContext | cachedStack, groups: [] };
    const dirty = { gpr: 0, xmm: 0 };
    for (const one of instructions) {
      const written = writtenBy(one);
      dirty.gpr |= written.gpr;
      dirty.xmm |= written.xmm;
      loaded.gpr |= registersOf(one, 'read') | bit(one.memory.base) | bit(one.memory.index);
      loaded.xmm |= registersOf(one, 'read', 'xmm');
    }
    loaded.gpr |= dirty.gpr;
    loaded.xmm |= dirty.xmm;
    if (loaded.xmm !== 0) loaded.cached |= cachedMxcsr;
    for (const member of loop) kept[member] = { header, loaded, dirty };
  }
  return kept;
}

/** Registers that an instruction may write; `named`: as operands. */
export const writtenBy = (one: GuestInstruction, named = false): RegisterSet => ({
  gpr: registersOf(one, 'written') | (named ? 0 : one.effects.setsRegisters),
  xmm: registersOf(one, 'written', 'xmm'),
});
