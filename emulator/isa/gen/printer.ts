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
  /** Nothing is decoded behind it. */
  readonly leavesBlock: boolean;
}

function operandOf({ spec, access }: FormOperand, index: number, variant: Variant): PrintedOp {
  const { width } = spec;
  const isMemory =
    spec.source === 'moffs' ||
    (spec.source === 'rm' && variant.isMemory && spec.memory !== 'never');
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
  // A block ends behind instructions that never go on to the next record; the decoder asks for it.
  const leavesBlock = !e.lines.includes('  return 0;');
  const body = e.lines.join('\n').replace(/return (\d|stackFault\(\));/g, (_, code: string) => {
    const exit = EXITS.get(code);
    if (exit === undefined) return `return ${e.use('stop')}(rec, ${code});`;
    if (code !== '0') e.use(exit.slice(0, exit.indexOf('(')));
    return `return ${exit};`;
  });
  return { body, uses: e.uses, where: e.where, leavesBlock };
}

/**
 * How a handler is left, by its result (cpu/layout.ts). All are tail calls: build.ts makes them so.
 * The next record's handler is called in place of a return to the loop.
 */
const EXITS = new Map([
  ['0', 'call_indirect<i32>(load<u32>(rec, 48), rec + 48)'],
  ['2', 'taken(rec)'],
  ['3', 'notTaken(rec)'],
  ['6', 'arrived(rec)'],
]);
