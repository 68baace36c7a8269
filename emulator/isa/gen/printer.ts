/** Runs one variant's semantics against the printing vocabulary and returns its handler's body. */
import type { Semantics } from '../dsl.ts';
import type { FormOperand } from '../operands.ts';
import { controlOps } from './controlOps.ts';
import { Emitter } from './emitter.ts';
import type { PrintedOp } from './emitter.ts';
import { integerOps } from './integerOps.ts';
import { operandOps } from './operandOps.ts';
import { simdOps } from './simdOps.ts';
import type { Variant } from './variants.ts';

export interface PrintedHandler {
  readonly body: string;
  readonly uses: ReadonlySet<string>;
  readonly where: string;
}

function operandOf({ spec, access }: FormOperand, index: number, variant: Variant): PrintedOp {
  const { width } = spec;
  const isMemory =
    spec.source === 'moffs' || (spec.source === 'rm' && variant.isMemory && spec.memory !== 'never');
  return {
    spec,
    access,
    width: width === 'v' || width === 'y' ? variant.size : width,
    isMemory,
    key: `${spec.name}${index}`,
  };
}

export function printHandler(variant: Variant): PrintedHandler {
  const e = new Emitter(variant);
  const { form, instruction } = variant;
  const s: Semantics = {
    size: variant.size,
    addressSize: variant.addressSize === 0 ? 64 : variant.addressSize,
    repeat: variant.repeat,
    where: e.where,
    ...integerOps(e),
    ...operandOps(e),
    ...controlOps(e),
    ...simdOps(e),
  };
  const operands = form.operands.map((operand, i) => operandOf(operand, i, variant));
  try {
    instruction.semantics(s, ...operands);
    if (!e.isEnded) {
      if (form.encoding.endsBlock) s.endBlock();
      else e.return(0);
    }
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith(e.where)) {
      throw new Error(`${e.where}: ${error.message}`, { cause: error });
    }
    throw error;
  }
  // A block ends behind instructions that never return NEXT; the decoder asks for it.
  return { body: e.lines.join('\n'), uses: e.uses, where: e.where };
}

/** Whether a handler may leave the block, so that nothing is decoded behind it. */
export const leavesBlock = (handler: PrintedHandler): boolean =>
  !/^\s{2}return 0;$/m.test(handler.body);
