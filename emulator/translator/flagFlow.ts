/** What the flag locals hold at the start of each block of a region. */
import { FlagRule } from '../isa/flagRules.ts';
import type { Effects } from './effects.ts';
import type { GuestBlock, RegionSource } from './guestCode.ts';
import { sameForm, type FlagForm } from './flagForms.ts';

/** All flags are new, whatever they were. */
export const overwritesFlags = ({ flags, readsFlags, byHandler }: Effects): boolean =>
  byHandler || (flags !== 'none' && !readsFlags);

/** Whether the flags that an instruction sets are overwritten in its block before anything can see them. */
export function flagsDeadAfter(block: GuestBlock, index: number): boolean {
  if (block.instructions[index]!.effects.flags === 'none') return false;
  for (let i = index + 1; i < block.instructions.length; i++) {
    const { effects } = block.instructions[i]!;
    if (effects.mayLeave || (effects.readsFlags && !effects.byHandler)) return false;
    if (overwritesFlags(effects)) return true;
  }
  return false;
}

/** Reads CF only to keep it, and what it keeps is overwritten before anything can see it. */
const keepsInVain = (block: GuestBlock, index: number): boolean => {
  const { flags } = block.instructions[index]!.effects;
  const isCount =
    typeof flags === 'object' && (flags.rule === FlagRule.inc || flags.rule === FlagRule.dec);
  return isCount && flagsDeadAfter(block, index);
};

/**
 * The form that all ways into a block agree on. Where they do not: 'words' if some instruction reads flags before they are
 * overwritten, else 'dynamic' in loops that keep their registers in locals, 'stored' elsewhere. From outside, flags come
 * to an entry as 'words' if its block reads them, else 'stored': who reads them later computes them.
 */
export function flagFormsAtStart(
  source: RegionSource,
  entries: readonly number[],
  isKept: (block: number) => boolean,
): FlagForm[] {
  const { blocks } = source;
  const successors = blocks.map((_, i) =>
    [source.taken[i], source.next[i], ...source.indirect[i]!].filter((to) => to !== undefined),
  );
  const readsFirst = blocks.map(readsFlagsFirst);
  // Flags hardly ever matter across a RET, but each leads to code behind all calls, some of which begins with INC or BT.
  const direct = blocks.map((_, i) =>
    [source.taken[i], source.next[i]].filter((to) => to !== undefined),
  );
  const isRead = blocksThatReadFlags(readsFirst, direct);
  const out = blocks.map((block): FlagForm | 'through' => {
    for (let i = block.instructions.length - 1; i >= 0; i--) {
      const { flags, readsFlags } = block.instructions[i]!.effects;
      if (flags === 'none') continue;
      if (flags === 'words') return 'words';
      return { ...flags, carried: readsFlags && (flags.rule === 'add' || flags.rule === 'sub') };
    }
    return 'through';
  });
  const start: (FlagForm | undefined)[] = blocks.map(() => undefined);
  for (const entry of entries) start[entry] = readsFirst[entry] ? 'words' : 'stored';
  for (let changed = true; changed;) {
    changed = false;
    blocks.forEach((_, from) => {
      const own = out[from]!;
      const form = own === 'through' ? start[from] : own;
      if (form === undefined) return;
      for (const to of successors[from]!) {
        const before = start[to];
        // What ways that differ come to.
        const mixed = isRead[to] ? 'words' : isKept(to) ? 'dynamic' : 'stored';
        if (before !== undefined && (sameForm(before, form) || before === mixed)) continue;
        start[to] = before === undefined ? form : mixed;
        changed = true;
      }
    });
  }
  return start.map((form) => form ?? 'words');
}

/** Whether a block reads flags before it overwrites them; undefined if it does neither. */
function readsFlagsFirst(block: GuestBlock): boolean | undefined {
  for (const [i, { effects }] of block.instructions.entries()) {
    if (keepsInVain(block, i)) continue;
    if (effects.byHandler) return false;
    if (effects.readsFlags) return true;
    if (effects.flags !== 'none') return false;
  }
  return undefined;
}

/** Blocks from whose start the flags may be read before they are overwritten. */
function blocksThatReadFlags(
  own: readonly (boolean | undefined)[],
  successors: readonly (readonly number[])[],
): boolean[] {
  const reads = own.map((value) => value === true);
  for (let changed = true; changed;) {
    changed = false;
    for (let i = own.length - 1; i >= 0; i--) {
      if (reads[i] || own[i] !== undefined || !successors[i]!.some((to) => reads[to])) continue;
      reads[i] = true;
      changed = true;
    }
  }
  return reads;
}
