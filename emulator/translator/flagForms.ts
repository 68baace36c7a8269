/** What the flag locals of a region hold, and the numbers by which the core knows it (guestFlags.ts). */
import type { Width } from '../isa/dsl.ts';
import { FlagRule } from '../isa/flagRules.ts';

/** `carried`: a carry or borrow came in, so that all three operands are kept. */
export interface LazyFlags {
  readonly rule: FlagRule;
  readonly width: Width;
  readonly carried: boolean;
}
export type FlagForm = 'words' | 'stored' | 'dynamic' | LazyFlags;

const rules: readonly FlagRule[] = [
  FlagRule.add,
  FlagRule.sub,
  FlagRule.inc,
  FlagRule.dec,
  FlagRule.logic,
];
const widths: readonly Width[] = [8, 16, 32, 64];

/** flagFormCode('stored'). */
export const storedCode = 0x40;

/** Number of a form for the core's storeLazyFlags: 0 is 'words'. Of 64-bit operations it is a multiple of 4. */
export function flagFormCode(form: 'words' | 'stored' | LazyFlags): number {
  if (form === 'words') return 0;
  if (form === 'stored') return storedCode;
  const rule = rules.indexOf(form.rule) + (form.carried ? rules.length : 0);
  return 1 + rule * 4 + widths.indexOf(form.width);
}

export const sameForm = (a: FlagForm, b: FlagForm): boolean =>
  a === b ||
  (typeof a === 'object' &&
    typeof b === 'object' &&
    a.rule === b.rule &&
    a.width === b.width &&
    a.carried === b.carried);
