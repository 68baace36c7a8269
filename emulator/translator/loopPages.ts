/**
 * Which memory operands of a region keep the page they find (pageCache.ts): those in innermost loops whose address moves in
 * steps, or not at all. A heuristic: where it is wrong an access is slower, not different.
 */
import type { GuestInstruction, RegionSource } from './guestCode.ts';
import { nothingDirty, type RegisterSet } from './guestState.ts';

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
    const operand = spec.source === 'reg' ? reg : spec.source === 'rm' ? rm : undefined;
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
/** Operands of the same registers this close share a page. */
const nearby = 2048n;

interface Group {
  readonly key: string;
  readonly displacement: bigint;
  readonly members: GuestInstruction[];
}

/** Groups of instructions whose memory operand is likely to stay in one page from one round of its loop to the next. */
export function loopPages(
  { blocks }: RegionSource,
  successors: readonly (readonly number[])[],
  isBackEdge: (from: number, to: number) => boolean,
): (readonly GuestInstruction[])[] {
  const found: (readonly GuestInstruction[])[] = [];
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
    found.push(...groups.map(({ members }) => members));
  }
  return found.sort((a, b) => b.length - a.length).slice(0, cacheLimit);
}

/** For each block what its innermost loop writes, if that is small; else nothing. Any answer is right, for it only says where registers are stored. */
export function writtenInLoops(
  { blocks }: RegionSource,
  successors: readonly (readonly number[])[],
  isBackEdge: (from: number, to: number) => boolean,
): RegisterSet[] {
  const written: RegisterSet[] = blocks.map(() => nothingDirty);
  for (const loop of innermostLoops(successors, isBackEdge)) {
    if (loop.length > loopLimit) continue;
    const instructions = loop.flatMap((number) => blocks[number]!.instructions);
    if (instructions.some(({ effects }) => effects.byHandler)) continue;
    const set = { gpr: 0, xmm: 0 };
    for (const one of instructions) {
      set.gpr |= registersOf(one, 'written') | one.effects.setsRegisters;
      set.xmm |= registersOf(one, 'written', 'xmm');
    }
    for (const member of loop) written[member] = set;
  }
  return written;
}
