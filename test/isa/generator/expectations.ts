/** Registers and memory that an instruction looks at beyond its operands, and contents of operands. */
import type { Form } from '../../../emulator/isa/forms.ts';
import { isCanonical } from './addressing.ts';
import type { Plan } from './addressing.ts';
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from './caseBuilder.ts';
import type { CaseBuilder } from './caseBuilder.ts';
import { shiftNames } from './exclusions.ts';

/** Puts values that lead somewhere into registers that the instruction uses implicitly. */
export function prepare(
  b: CaseBuilder,
  name: string,
  form: Form,
  plan: Plan,
  useMemory: boolean,
  registerOperand: number | undefined,
): boolean {
  const { random } = b;
  const pointer = (register: number, bytes: number, segment?: number): void => {
    const base = b.segmentBase(segment);
    let target = b.target(bytes, plan.addressBits);
    while (isCanonical(target) !== isCanonical(target - base)) {
      target = b.target(bytes, plan.addressBits);
    }
    const address = target - base;
    const noise =
      plan.addressBits === 64 ? 0n : random.integer(64) & -(1n << BigInt(plan.addressBits));
    const mask = plan.addressBits === 64 ? -1n : (1n << BigInt(plan.addressBits)) - 1n;
    b.assign(
      register,
      (address & mask) |
        (b.mode === 64 ? noise : plan.addressBits === 16 ? noise & 0xffff0000n : 0n),
    );
  };
  // Which of several NaNs comes out is the maker's business, and would go anywhere.
  if (/^DPP[SD]$/.test(name) && b.isSequence) return false;
  if (form.encoding.repeat !== 'none') {
    // So it is whether the upper halves of RSI and RDI are cleared if no iteration is done.
    if (b.isSequence && b.mode === 64 && plan.addressBits === 32) return false;
    pointer(RSI, 16, plan.segment);
    pointer(RDI, 16);
    const count = random.chance(0.5)
      ? random.below(9)
      : random.below(random.chance(0.9) ? 300 : 6000);
    if (b.isSequence && /^(INS|OUTS)/.test(name)) return false;
    // AMD asks for the I/O permission before it sees that the count is zero.
    b.assign(RCX, BigInt(/^(INS|OUTS)/.test(name) ? count + 1 : count));
    // Without a bound the count of a sequence could be anything.
    if (b.isSequence && !b.isKnown(RCX)) return false;
  }
  if (name === 'XLAT') pointer(RBX, 256, plan.segment);
  // Faults on bytes that the mask leaves out depend on the implementation (SDM 2B, MASKMOVDQU).
  if (/^MASKMOV/.test(name)) {
    if (b.starts.length > 0) return false;
    if (plan.addressBits === 16 || plan.segment !== undefined) return false;
    if (!b.assign(RDI, b.dataPointer())) return false;
  }
  if ((name === 'LEAVE' || name === 'ENTER') && random.chance(0.9)) {
    b.assign(RBP, (b.gpr[RSP] ?? 0n) + BigInt(8 * random.below(8)));
  }
  if (/^LOOP|^JrCXZ/.test(name)) {
    if (!b.assign(RCX, BigInt(random.between(name === 'JrCXZ' ? 0 : 1, 4))) && b.isSequence)
      return false;
  }
  if (shiftNames.has(name) && random.chance(0.5)) b.assign(RCX, BigInt(random.below(70)));
  if ((name === 'DIV' || name === 'IDIV') && random.chance(0.7)) {
    const small = name === 'DIV' ? BigInt(random.below(4)) : random.chance(0.5) ? 0n : -1n;
    b.assign(RDX, small);
    if (plan.operandBits === 32 || random.chance(0.3)) b.assign(RAX, random.integer(16));
  }
  if (/^PCMPESTR/.test(name)) {
    b.assign(RAX, BigInt(random.between(-20, 20)));
    b.assign(RDX, BigInt(random.between(-20, 20)));
  }
  if (/^BT/.test(name) && useMemory && registerOperand !== undefined && random.chance(0.95)) {
    if (b.isSequence) return false;
    b.assign(registerOperand, BigInt(random.between(-700, 700)));
  }
  if (name === 'CMPXCHG' && !useMemory && random.chance(0.5) && registerOperand !== undefined) {
    b.assign(RAX, b.gpr[registerOperand] ?? 0n);
  }
  const top = Number(b.gpr[RSP] ?? 0n);
  const bytes = plan.operandBits / 8;
  const store = (address: number, value: number, size: number): void => {
    const image = new Uint8Array(size);
    for (let i = 0; i < size; i++) image[i] = Math.floor(value / 2 ** (8 * i)) & 0xff;
    b.patch(address, image);
  };
  // Of the slot of a segment register some CPUs write the lower half only (SDM 2B, PUSH): the upper one is zero before.
  if (name === 'PUSH' && form.operands.length === 0 && plan.operandBits === 32) {
    if (b.isSequence && b.starts.length > 0) return false;
    b.clearBelow(top, 64);
  }
  // With a bad target and a bad stack, which fault comes first is the maker's business.
  if (name === 'CALL' && (top < 0x30000020 || top > 0x30002000)) return false;
  // So for the frames of RETF and IRET beyond the end of the stack.
  if (/^(RETF|IRET)/.test(name) && (top > 0x30001f80 || b.isSequence)) return false;
  const codeAddress = (): number => b.behindCode();
  if (/^(RET|IRET)/.test(name) && (name !== 'RET' || random.chance(0.9))) {
    store(top, codeAddress(), bytes);
    if (name !== 'RET') {
      // A better privilege than ours is found before or after the outer stack is read.
      const selector = random.chance(0.7) ? (b.mode === 64 ? 0x33 : 0x23) : b.selector() | 3;
      store(top + bytes, selector, bytes);
      if (name === 'IRET') {
        store(top + 2 * bytes, (random.u32() & 0xdd5) | 2, bytes);
        store(top + 3 * bytes, top + 8 * random.below(8), bytes);
        store(top + 4 * bytes, 0x2b, bytes);
      }
    }
  }
  // AC is left out: #AC is tested by itself.
  if (name === 'POPF')
    store(top, random.u32() & (random.chance(0.9) ? 0xed7 : 0x7ed7) & ~0x40000, bytes);
  if (/^POP/.test(name) && form.encoding.map <= 1 && form.operands[0]?.spec.file === 'segment') {
    store(top, b.selector(), bytes);
  }
  if (name === 'POP' && form.operands.length === 0) store(top, b.selector(), bytes);
  const source = form.operands.at(-1)?.spec;
  if (
    form.operands.some((o) => o.spec.file === 'segment') ||
    /^(LAR|LSL|VERR|VERW|ARPL|LLDT|LTR)$/.test(name)
  ) {
    if (source?.source === 'rm' && !useMemory) return true;
  }
  return true;
}

export function fillMemory(
  b: CaseBuilder,
  name: string,
  form: Form,
  target: bigint,
  bytes: number,
  plan: Plan,
  registerOperand: number | undefined,
): void {
  const { random } = b;
  const at = Number(target);
  const put = (value: bigint, size: number, offset = 0): void => {
    const image = new Uint8Array(size);
    for (let i = 0; i < size; i++) image[i] = Number((value >> BigInt(8 * i)) & 0xffn);
    b.patch(at + offset, image);
  };
  const codeAddress = BigInt(b.behindCode());
  const { digit, opcode, map } = form.encoding;
  if (/^FXRSTOR/.test(name)) {
    const image = new Uint8Array(512);
    image.set(b.fxImage());
    b.patch(at, image);
  } else if (name === 'LDMXCSR') {
    put(BigInt(random.chance(0.9) ? b.mxcsr() : random.u32()), 4);
  } else if (name === 'FBLD') {
    const image = new Uint8Array(10);
    for (let i = 0; i < 9; i++) image[i] = random.below(10) | (random.below(10) << 4);
    image[9] = random.pick([0, 0x80]);
    b.patch(at, image);
  } else if (map === 0 && opcode === 0xff && (digit === 2 || digit === 4)) {
    if (random.chance(0.85)) put(codeAddress, plan.operandBits / 8);
  } else if (map === 0 && opcode === 0xff && (digit === 3 || digit === 5)) {
    const size = plan.operandBits / 8;
    put(codeAddress, size);
    put(BigInt(random.chance(0.7) ? (b.mode === 64 ? 0x33 : 0x23) : b.selector()), 2, size);
  } else if (form.operands.some((o) => o.spec.file === 'segment')) {
    put(BigInt(b.selector()), 2);
  } else if (/^L[DEFGS]S$/.test(name)) {
    put(BigInt(b.selector()), 2, plan.operandBits / 8);
  } else if (name === 'CMPXCHG' && random.chance(0.5)) {
    put(b.gpr[RAX] ?? 0n, bytes);
  } else if (name === 'CMPXCHG8B' && random.chance(0.5)) {
    put(((b.gpr[RDX] ?? 0n) << 32n) | ((b.gpr[RAX] ?? 0n) & 0xffffffffn), 8);
  } else if (name === 'CMPXCHG16B' && random.chance(0.5)) {
    put(((b.gpr[RDX] ?? 0n) << 64n) | (b.gpr[RAX] ?? 0n), 16);
  } else if (name === 'BOUND' && registerOperand !== undefined && random.chance(0.5)) {
    const size = plan.operandBits / 8;
    put(random.integer(size * 8 - 1), size, size);
    put(-random.integer(size * 8 - 2), size);
  } else if (random.chance(0.7)) {
    const isX87 = map === 0 && opcode >= 0xd8 && opcode <= 0xdf;
    const isVector = form.operands.some((o) => o.spec.file === 'xmm' || o.spec.file === 'mmx');
    b.patch(at, b.contents(bytes, isX87 ? 'x87' : isVector ? 'vector' : 'integer'));
  }
}
