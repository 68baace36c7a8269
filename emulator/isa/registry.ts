/** All instructions that were defined by `inst`, in order of definition. */
import type { Instruction } from './dsl.ts';

const instructions: Instruction[] = [];

export function register(instruction: Instruction): void {
  instructions.push(instruction);
}

export const allInstructions = (): readonly Instruction[] => instructions;
