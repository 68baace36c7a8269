/** Cases from the instruction registry: case `n` of a seed is always the same. */
import type { Instruction } from '../../../emulator/isa/dsl.ts';
import type { Form } from '../../../emulator/isa/forms.ts';
import '../../../emulator/isa/instructions.ts';
import { allInstructions } from '../../../emulator/isa/registry.ts';
import type { Case } from '../caseFormat.ts';
import { CaseBuilder } from './caseBuilder.ts';
import { excludedInstructions } from './exclusions.ts';
import { writeInstruction } from './instructionWriter.ts';
import { Random } from './random.ts';
import { writeSelfModifyingCase } from './selfModifyingCase.ts';

export interface GeneratedCase {
  readonly number: number;
  readonly test: Case;
  readonly names: readonly string[];
  readonly code: Uint8Array;
  /** Where in `code` each of `names` begins. */
  readonly starts: readonly number[];
  /** Status flags to leave out of the comparison: if the case ran to its end, and if it did not. */
  readonly undefinedAtEnd: number;
  readonly undefinedEver: number;
  /** x87 condition codes (bits of FSW) to leave out. */
  readonly undefinedFpu: number;
}

interface Candidate {
  readonly instruction: Instruction;
  readonly form: Form;
}

const selfModifyingEvery = 100;

export class CaseGenerator {
  readonly #isUnrestricted: boolean;
  readonly #seed: number;
  readonly #candidates: readonly Candidate[];

  /** `only` restricts to instructions whose name it matches. */
  constructor(seed: number, only: RegExp | undefined) {
    this.#seed = seed;
    this.#isUnrestricted = only === undefined;
    this.#candidates = allInstructions()
      .filter(({ name }) => !(name in excludedInstructions) && (only?.test(name) ?? true))
      .flatMap((instruction) => instruction.forms.map((form) => ({ instruction, form })));
    if (this.#candidates.length === 0) throw new Error('No instruction has such a name.');
  }

  get formCount(): number {
    return this.#candidates.length;
  }

  generate(number: number): GeneratedCase {
    const random = new Random(this.#seed, number);
    for (;;) {
      const mode = random.chance(0.65) ? 64 : 32;
      const isSequence = random.chance(0.3);
      const builder = new CaseBuilder(random, mode, isSequence);
      // A case of its own; no instruction is added to it.
      const isSelfModifying = this.#isUnrestricted && number % selfModifyingEvery === 0;
      if (isSelfModifying) writeSelfModifyingCase(builder);
      const length = isSelfModifying ? 1 : isSequence ? random.between(2, 8) : 1;
      // Single instructions go through all forms in turn, so that none is left to luck.
      let candidate = this.#candidates[number % this.#candidates.length];
      for (let tries = 0; builder.names.length < length && tries < length * 6; tries++) {
        if (candidate) writeInstruction(builder, candidate.instruction, candidate.form);
        if (isSequence || tries > 4) candidate = random.pick(this.#candidates);
      }
      if (builder.names.length === 0) continue;
      const test = builder.finish();
      return {
        number,
        test,
        names: builder.names,
        code: Uint8Array.from(builder.code),
        starts: builder.starts,
        undefinedAtEnd: builder.hasBranch ? builder.undefinedEver : builder.undefinedNow,
        undefinedEver: builder.undefinedEver,
        undefinedFpu: builder.undefinedFpu,
      };
    }
  }
}
