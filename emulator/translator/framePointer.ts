/** Code with frames: RBP holds where the frame of the function is. */
import type { GuestBlock, GuestInstruction } from './guestCode.ts';
import { writtenBy } from './loopPages.ts';

const RSP = 4;
const RBP = 5;

/** Whether RBP is made a frame pointer, or is one: MOV RBP, RSP, the other way round, or LEAVE. */
const setsFrame = ({ variant, reg, rm }: GuestInstruction): boolean => {
  const { name } = variant.instruction;
  if (name !== 'MOV') return name === 'LEAVE';
  return (
    reg.file === 'gpr' &&
    rm.file === 'gpr' &&
    Math.min(reg.number, rm.number) === RSP &&
    Math.max(reg.number, rm.number) === RBP
  );
};

/** Whether RBP gets what is no frame: accesses by it would push the stack's page out of the locals again and again. */
const usesForData = (one: GuestInstruction): boolean =>
  (writtenBy(one, true).gpr & (1 << RBP)) !== 0 &&
  one.variant.instruction.name !== 'POP' &&
  !setsFrame(one);

/** Whether RBP is a frame pointer in the whole of a region, so that accesses by it are the stack's. */
export const hasFrames = (blocks: readonly GuestBlock[]): boolean => {
  const all = blocks.flatMap(({ instructions }) => instructions);
  return all.some(setsFrame) && !all.some(usesForData);
};
