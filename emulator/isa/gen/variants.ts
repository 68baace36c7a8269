/** The variants of a form that become handlers: operand size, address size, REP, register or memory, condition. */
import type { Instruction } from '../dsl.ts';
import type { Form } from '../forms.ts';

export type RepeatVariant = 'none' | 'rep' | 'repz' | 'repnz';

export interface Variant {
  readonly instruction: Instruction;
  readonly form: Form;
  readonly size: 16 | 32 | 64;
  /** 0 if the form does not depend on it. */
  readonly addressSize: 0 | 16 | 32 | 64;
  readonly repeat: RepeatVariant;
  readonly isMemory: boolean;
  /** Condition code of a conditional() form. */
  readonly condition: number | undefined;
  /** The form has variants by operand size. */
  readonly isSized: boolean;
}

/** 0: no expansion; 1: 16, 32, 64; 2: 32, 64. The decoder's table uses the same numbers. */
export function sizeClass(form: Form): 0 | 1 | 2 {
  if (form.encoding.sized) return 1;
  let kind: 0 | 2 = 0;
  for (const { spec } of form.operands) {
    if (spec.width === 'v' || spec.encoded === 'z') return 1;
    if (spec.width === 'y') kind = 2;
  }
  return kind;
}

export const repeatsOf = (form: Form): readonly RepeatVariant[] =>
  form.encoding.repeat === 'none'
    ? ['none']
    : form.encoding.repeat === 'rep'
      ? ['none', 'rep']
      : ['none', 'repz', 'repnz'];

export const sizesOf = (form: Form): readonly (16 | 32 | 64)[] => {
  const kind = sizeClass(form);
  return kind === 1 ? [16, 32, 64] : kind === 2 ? [32, 64] : [32];
};

export const memoryKinds = (form: Form): { register: boolean; memory: boolean } => {
  const specs = form.operands.map((o) => o.spec);
  if (specs.some((spec) => spec.source === 'moffs')) return { register: false, memory: true };
  const rm = specs.find((spec) => spec.source === 'rm');
  if (form.encoding.modrm !== undefined) return { register: true, memory: false };
  if (rm === undefined) return { register: true, memory: false };
  return { register: rm.memory !== 'only', memory: rm.memory !== 'never' };
};

/** How many slots variantsOf() lists, without making them. */
export function slotCount(form: Form): number {
  const { encoding } = form;
  return (
    (encoding.span === 16 ? 16 : 1) *
    sizesOf(form).length *
    (encoding.addressSized ? 3 : 1) *
    repeatsOf(form).length *
    2
  );
}

/**
 * Slots of a form in the handler table, in the decoder's order: condition, size, address size,
 * repeat, then register and memory. A slot that no mode can reach is undefined.
 */
export function variantsOf(instruction: Instruction, form: Form): (Variant | undefined)[] {
  const { encoding } = form;
  const isSized = sizeClass(form) !== 0;
  const conditions = encoding.span === 16 ? [...Array(16).keys()] : [undefined];
  const addressSizes = encoding.addressSized ? ([16, 32, 64] as const) : ([0] as const);
  const kinds = memoryKinds(form);
  const slots: (Variant | undefined)[] = [];
  for (const condition of conditions)
    for (const size of sizesOf(form))
      for (const addressSize of addressSizes)
        for (const repeat of repeatsOf(form))
          for (const isMemory of [false, true]) {
            const impossible =
              (encoding.modes === 'not64' && (addressSize === 64 || (isSized && size === 64))) ||
              (encoding.modes === 'only64' && addressSize === 16) ||
              (encoding.force64 && encoding.modes === 'only64' && isSized && size !== 64) ||
              !(isMemory ? kinds.memory : kinds.register);
            slots.push(
              impossible
                ? undefined
                : { instruction, form, size, addressSize, repeat, isMemory, condition, isSized },
            );
          }
  return slots;
}
