/**
 * Cases that overwrite instructions ahead of themselves: stores into the immediates and opcodes of the
 * MOV r32, imm32 that follow, the very next one included (SDM 3A §11.6).
 */
import { windows } from '../caseFormat.ts';
import { RAX, RDI } from './caseBuilder.ts';
import type { CaseBuilder } from './caseBuilder.ts';

const moveLength = 5;
/** RCX RDX RBX RBP RSI: RAX and RDI are STOSB's. */
const targets = [1, 2, 3, 5, 6];

export function writeSelfModifyingCase(b: CaseBuilder): void {
  const { random } = b;
  const window = windows.find((w) => w.name === 'writableCode');
  if (!window) throw new Error('no writable code window');
  // Now and then across a page.
  b.rip = window.address + (random.chance(0.3) ? 0x1000 - random.below(30) : random.below(0x1f00));
  const kinds: ('store' | 'string' | 'move')[] = Array.from({ length: random.between(2, 7) }, () =>
    random.pick(['store', 'store', 'string', 'move', 'move'] as const),
  );
  kinds.push('move', 'move');
  // One STOSB: a second one would write behind the byte that the first was aimed at.
  kinds.forEach((kind, i) => {
    if (kind === 'string' && kinds.indexOf('string') !== i) kinds[i] = 'store';
  });
  const lengths = { store: 7, string: 1, move: moveLength };
  const starts: number[] = [];
  let end = 0;
  for (const kind of kinds) {
    starts.push(end);
    end += lengths[kind];
  }
  /** Offset of a byte of a move behind item `index`, and what may be put there. */
  const place = (index: number): { offset: number; value: number } => {
    const moves = kinds.flatMap((kind, i) => (kind === 'move' && i > index ? [i] : []));
    const move = random.chance(0.6) ? moves[0] : random.pick(moves);
    const byte = random.below(moveLength);
    const value = byte === 0 ? 0xb8 + random.pick(targets) : random.below(256);
    return { offset: (starts[move ?? 0] ?? 0) + byte, value };
  };
  let stringTarget: number | undefined;
  kinds.forEach((kind, i) => {
    b.starts.push(b.code.length);
    const { offset, value } = i < kinds.length - 1 ? place(i) : { offset: 0, value: 0 };
    if (kind === 'store') {
      // MOV byte [target], value: RIP-relative, or absolute in 32-bit code.
      const next = b.code.length + lengths.store;
      const displacement = b.mode === 64 ? offset - next : b.rip + offset;
      b.code.push(0xc6, 0x05);
      for (let byte = 0; byte < 4; byte++) b.code.push((displacement >> (8 * byte)) & 0xff);
      b.code.push(value);
    } else if (kind === 'string') {
      stringTarget ??= b.rip + offset;
      b.code.push(0xaa);
    } else {
      b.code.push(0xb8 + random.pick(targets));
      b.code.push(...random.bytes(4));
    }
  });
  b.flags &= ~0x400;
  b.gpr[RDI] = BigInt(stringTarget ?? b.rip + end);
  // STOSB may hit an opcode: a MOV stays a MOV.
  b.gpr[RAX] = BigInt(0xb8 + random.pick(targets));
  b.names.push('self-modifying');
}
