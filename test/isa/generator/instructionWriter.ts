/** Writes one instruction of a given form into a case: prefixes, ModRM, SIB, displacement, immediate. */
import type { Instruction } from '../../../emulator/isa/dsl.ts';
import type { Form } from '../../../emulator/isa/forms.ts';
import type { OperandSpec } from '../../../emulator/isa/operands.ts';
import { RAX, RBP, RBX, RCX, RDI, RDX, RSI, RSP } from './caseBuilder.ts';
import type { CaseBuilder } from './caseBuilder.ts';
import {
  definesAllFlags,
  isExcludedForm,
  isUndefinedDoubleShift,
  locksQuietly,
  readsFlags,
  severalAccesses,
  shiftNames,
  takesPrefixAsCondition,
  undefinedConditionCodes,
  undefinedFlags,
} from './exclusions.ts';

const segmentPrefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** x87, MMX or SSE: the case then starts with an FXSAVE image and its end is compared. */
export function isFloating(form: Form): boolean {
  const { map, opcode, digit } = form.encoding;
  if (form.operands.some((o) => ['mmx', 'xmm', 'x87'].includes(o.spec.file))) return true;
  if (map === 0) return (opcode >= 0xd8 && opcode <= 0xdf) || opcode === 0x9b;
  return map === 1 && (opcode === 0x77 || (opcode === 0xae && (digit ?? 0) < 4));
}

interface Plan {
  operandBits: 16 | 32 | 64;
  addressBits: 16 | 32 | 64;
  rexW: boolean;
  rexR: boolean;
  rexX: boolean;
  rexB: boolean;
  needsRex: boolean;
  segment: number | undefined;
}

interface MemoryBytes {
  mod: number;
  rm: number;
  sib: number | undefined;
  displacement: bigint;
  displacementBytes: number;
  ripRelative: boolean;
}

const signedFits = (value: bigint, bits: bigint): boolean =>
  value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n);

const isCanonical = (address: bigint): boolean => signedFits(BigInt.asIntN(64, address), 48n);

/** Within reach of the addresses that are not canonical. */
const isNearHole = (address: bigint): boolean =>
  isCanonical(address - 1024n) !== isCanonical(address + 1024n);

function widthOf(spec: OperandSpec, plan: Plan): number {
  if (spec.width === 'v') return plan.operandBits;
  if (spec.width === 'y') return plan.rexW ? 64 : 32;
  return spec.width;
}

/** False if this form is not possible here; the builder is then unchanged but for randomness. */
export function writeInstruction(b: CaseBuilder, instruction: Instruction, form: Form): boolean {
  const { random } = b;
  const { encoding } = form;
  const { name } = instruction;
  const is64 = b.mode === 64;
  if (encoding.modes === (is64 ? 'not64' : 'only64')) return false;
  if (encoding.rexW === 1 && !is64) return false;
  const rm = form.operands.find((o) => o.spec.source === 'rm');
  const useMemory =
    rm !== undefined &&
    encoding.modrm === undefined &&
    (rm.spec.memory === 'only' || (rm.spec.memory === 'also' && random.chance(0.55)));

  // Prefixes.
  const forced66 = encoding.prefix === 'p66';
  const isSized =
    encoding.sized || form.operands.some((o) => o.spec.width === 'v' || o.spec.encoded === 'z');
  let operandPrefix = false;
  if (encoding.prefix === 'any') operandPrefix = random.chance(isSized ? 0.3 : 0.03);
  if (encoding.prefix === 'f3' && isSized) operandPrefix = random.chance(0.2);
  if (encoding.map !== 0 && !isSized && encoding.prefix === 'any') operandPrefix = false;
  let rexW = is64 && random.chance(0.45);
  if (encoding.rexW !== undefined) rexW = encoding.rexW === 1;
  let repeatPrefix: 0 | 0xf2 | 0xf3 = 0;
  if (encoding.repeat !== 'none') repeatPrefix = random.pick([0, 0xf2, 0xf3, 0xf3] as const);
  else if (
    encoding.prefix === 'any' &&
    encoding.map === 0 &&
    !takesPrefixAsCondition(name) &&
    random.chance(0.02)
  ) {
    repeatPrefix = random.pick([0xf2, 0xf3] as const);
  }
  const choice = { mode: b.mode, operandPrefix: operandPrefix || forced66, rexW, repeatPrefix };
  if (isExcludedForm(name, form, choice)) return false;
  const addressPrefix = random.chance(useMemory || encoding.addressSized ? 0.12 : 0.02);
  const plan: Plan = {
    operandBits: rexW ? 64 : operandPrefix ? 16 : encoding.default64 && is64 ? 64 : 32,
    addressBits: is64 ? (addressPrefix ? 32 : 64) : addressPrefix ? 16 : 32,
    rexW,
    rexR: false,
    rexX: false,
    rexB: false,
    needsRex: rexW,
    segment: random.chance(0.06) ? random.pick(segmentPrefixes) : undefined,
  };
  if (encoding.force64 && is64) plan.operandBits = 64;
  // Jcc takes 2E and 3E as hints only; FS and GS are null in 32-bit mode, so rarer there.
  if (!is64 && plan.segment !== undefined && plan.segment >= 0x64 && random.chance(0.7)) {
    plan.segment = undefined;
  }
  const lock =
    encoding.lockable && useMemory
      ? random.chance(0.15)
      : encoding.map < 2 && !locksQuietly(name, form) && random.chance(0.004);

  // Registers.
  const pickRegister = (file: string): number => {
    const limit = is64 && file !== 'mmx' && file !== 'segment' && random.chance(0.5) ? 16 : 8;
    for (;;) {
      const register = random.below(limit);
      const taken = file === 'gpr' && (b.pointers.includes(register) || register === RSP);
      if (!taken || random.chance(b.isSequence ? 0.02 : 0.15)) return register;
    }
  };
  let opcode = encoding.opcode + (encoding.span === 16 ? random.below(16) : 0);
  if (encoding.span !== 16 && encoding.span !== 8) opcode += random.below(encoding.span);
  let regField = encoding.digit ?? random.below(8);
  let rmField = random.below(8);
  let registerOperand: number | undefined;
  for (const { spec } of form.operands) {
    if (spec.source === 'reg') {
      const register = pickRegister(spec.file);
      plan.rexR = register > 7;
      regField = register & 7;
      registerOperand = register;
    } else if (spec.source === 'low') {
      const register = pickRegister('gpr');
      opcode += register & 7;
      plan.rexB = register > 7;
    } else if (spec.source === 'rm' && !useMemory) {
      const register = pickRegister(spec.file === 'x87' ? 'mmx' : spec.file);
      rmField = register & 7;
      plan.rexB = register > 7;
    }
  }
  if (encoding.span === 8 && !form.operands.some((o) => o.spec.source === 'low')) {
    opcode += random.below(8);
  }

  // Immediates.
  let immediate: number[] = [];
  let imm8: number | undefined;
  let branch: number | undefined;
  for (const { spec } of form.operands) {
    if (spec.source === 'imm') {
      const zBits = plan.operandBits === 16 ? 16 : 32;
      const bits =
        spec.encoded === 'z'
          ? zBits
          : spec.encoded === 'v'
            ? plan.operandBits
            : (spec.encoded ?? 8);
      const value = random.integer(bits);
      if (bits === 8) imm8 = Number(value);
      for (let i = 0; i < bits / 8; i++) immediate.push(Number((value >> BigInt(8 * i)) & 0xffn));
    } else if (spec.source === 'rel') {
      branch = spec.encoded === 8 ? 1 : plan.operandBits === 16 ? 2 : 4;
    } else if (spec.source === 'far') {
      const offsetBytes = plan.operandBits === 16 ? 2 : 4;
      const offset = b.behindCode();
      for (let i = 0; i < offsetBytes; i++) immediate.push((offset >> (8 * i)) & 0xff);
      const selector = random.chance(0.5) ? 0x23 : b.selector();
      immediate.push(selector & 0xff, selector >> 8);
    }
  }
  if (name === 'ENTER' && random.chance(0.9)) {
    immediate = [random.below(64), 0, random.chance(0.5) ? 0 : random.below(5)];
  }
  if (/^RETF?$/.test(name) && immediate.length === 2 && random.chance(0.8)) immediate[1] = 0;
  if (name === 'INT' && imm8 === 0x80) return false;

  // Flags that this instruction must not read, and those it leaves undefined.
  const known = b.isSequence ? undefined : Number((b.gpr[RCX] ?? 0n) & 0xffn);
  const destinationWidth = form.operands[0] ? widthOf(form.operands[0].spec, plan) : 0;
  const countMask = destinationWidth === 64 ? 63 : 31;
  const shiftCount = (): number | undefined => {
    const count = form.operands.at(-1)?.spec;
    if (count?.source === 'fixed' && count.file === 'none') return 1;
    if (count?.source === 'imm') return imm8 === undefined ? undefined : imm8 & countMask;
    return known === undefined ? undefined : Number((b.gpr[RCX] ?? 0n) & 0xffn) & countMask;
  };
  if (b.undefinedNow !== 0 && readsFlags.has(name)) return false;
  // Undefined bits of its result could go anywhere.
  if (name === 'LAR' && b.isSequence) return false;
  if (b.undefinedFpu !== 0 && name === 'FNSTSW') return false;
  if (b.undefinedNow !== 0 && b.isSequence && encoding.repeat === 'repz') return false;

  // What the instruction expects of registers and memory beyond its operands.
  if (!prepare(b, name, form, plan, useMemory, registerOperand)) return false;
  // Memory operand.
  let memory: MemoryBytes | undefined;
  let offsets: number[] = [];
  const memoryBytes = rm && useMemory ? operandBytes(name, form, widthOf(rm.spec, plan), plan) : 0;
  if (useMemory) {
    const target = b.target(memoryBytes, plan.addressBits);
    if (severalAccesses.has(name) && isNearHole(target)) return false;
    // Zen raises #GP for an offset that is not canonical even if the linear address is.
    const base = b.segmentBase(plan.segment);
    if (base !== 0n && plan.addressBits === 64) {
      if (isCanonical(target) !== isCanonical(target - base)) return false;
    }
    memory = address(b, plan, target - b.segmentBase(plan.segment), encoding.popAddress);
    if (!memory) return false;
    fillMemory(b, name, form, target, memoryBytes, plan, registerOperand);
  }
  const absolute = form.operands.find((o) => o.spec.source === 'moffs');
  if (absolute) {
    const target = b.target(widthOf(absolute.spec, plan) / 8, plan.addressBits);
    const offset = target - b.segmentBase(plan.segment);
    if (plan.addressBits === 64 && isCanonical(target) !== isCanonical(offset)) return false;
    offsets = Array.from({ length: plan.addressBits / 8 }, (_, i) =>
      Number((offset >> BigInt(8 * i)) & 0xffn),
    );
  }

  // Bytes in order.
  const start = b.code.length;
  const bytes: number[] = [];
  const legacy: number[] = [];
  if (operandPrefix || forced66) legacy.push(0x66);
  if (addressPrefix) legacy.push(0x67);
  if (plan.segment !== undefined) legacy.push(plan.segment);
  if (lock) legacy.push(0xf0);
  if (encoding.prefix === 'f3') legacy.push(0xf3);
  else if (encoding.prefix === 'f2') legacy.push(0xf2);
  else if (repeatPrefix) legacy.push(repeatPrefix);
  while (legacy.length) bytes.push(...legacy.splice(random.below(legacy.length), 1));
  const rexBits =
    (plan.rexW ? 8 : 0) | (plan.rexR ? 4 : 0) | (plan.rexX ? 2 : 0) | (plan.rexB ? 1 : 0);
  if (is64 && (rexBits !== 0 || random.chance(0.08))) bytes.push(0x40 | rexBits);
  if (encoding.map > 0) bytes.push(0x0f);
  if (encoding.map === 2) bytes.push(0x38);
  if (encoding.map === 3) bytes.push(0x3a);
  bytes.push(opcode);
  if (encoding.hasModrm) {
    if (encoding.modrm !== undefined) bytes.push(encoding.modrm);
    else if (memory) {
      bytes.push((memory.mod << 6) | (regField << 3) | memory.rm);
      if (memory.sib !== undefined) bytes.push(memory.sib);
      let displacement = memory.displacement;
      if (memory.ripRelative) {
        const next = b.rip + start + bytes.length + 4 + immediate.length + (branch ?? 0);
        displacement = memory.displacement - BigInt(next);
        if (!signedFits(displacement, 32n) && plan.addressBits === 64) return false;
      }
      for (let i = 0; i < memory.displacementBytes; i++) {
        bytes.push(Number((displacement >> BigInt(8 * i)) & 0xffn));
      }
    } else bytes.push(0xc0 | (regField << 3) | rmField);
  }
  bytes.push(...offsets, ...immediate);
  if (branch !== undefined) {
    const isLoop = name.startsWith('LOOP');
    const backwards = isLoop && random.chance(0.3);
    b.branches.push({
      at: start + bytes.length,
      bytes: branch,
      target: backwards
        ? { kind: 'instruction', index: Math.max(0, b.starts.length - random.below(2)) }
        : b.codeTarget(),
    });
    for (let i = 0; i < branch; i++) bytes.push(0);
    b.hasBranch = true;
  }
  // INT3 ends a case like the trap behind its last instruction.
  if (/^(JMP|CALL|RET|Jcc|IRET|LOOP|JrCXZ|INT)/.test(name)) b.hasBranch = true;
  if (bytes.length > 15) return false;
  if (isUndefinedDoubleShift(name, destinationWidth, shiftCount())) return false;

  b.starts.push(start);
  b.code.push(...bytes);
  b.names.push(name);
  if (isFloating(form)) b.usesFx = true;
  const count = shiftNames.has(name) ? shiftCount() : undefined;
  const undefinedHere = undefinedFlags(name, destinationWidth, count);
  if (definesAllFlags.has(name)) b.undefinedNow = undefinedHere;
  else b.undefinedNow |= undefinedHere;
  b.undefinedEver |= undefinedHere;
  b.undefinedFpu |= undefinedConditionCodes(name);
  return true;
}

/** Bytes that the memory operand has, for placing and filling it. */
function operandBytes(name: string, form: Form, width: number, plan: Plan): number {
  if (width) return Math.max(1, width / 8);
  if (/^FXRSTOR/.test(name)) return 512;
  if (/^(FRSTOR|FNSAVE)/.test(name)) return 108;
  if (/^(FLDENV|FNSTENV)/.test(name)) return 28;
  if (name === 'CMPXCHG16B') return 16;
  if (name === 'BOUND') return plan.operandBits === 16 ? 4 : 8;
  const { opcode, digit, map } = form.encoding;
  if (map === 0 && opcode >= 0xd8 && opcode <= 0xdf) {
    if (opcode === 0xdb && (digit === 5 || digit === 7)) return 10;
    if (opcode === 0xdf && (digit === 4 || digit === 6)) return 10;
    if (opcode === 0xdf && (digit === 5 || digit === 7)) return 8;
    if (opcode === 0xd8 || opcode === 0xd9 || opcode === 0xda || opcode === 0xdb) return 4;
    return opcode === 0xdc || opcode === 0xdd ? 8 : 2;
  }
  return 8;
}

/** Puts values that lead somewhere into registers that the instruction uses implicitly. */
function prepare(
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
  if (form.encoding.repeat !== 'none') {
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

function fillMemory(
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

/** An addressing form whose effective address is `offset`, with registers set to make it so. */
function address(
  b: CaseBuilder,
  plan: Plan,
  offset: bigint,
  isPop: boolean,
): MemoryBytes | undefined {
  if (plan.addressBits === 16) return address16(b, offset);
  const { random } = b;
  const bits = BigInt(plan.addressBits);
  const wrap = (value: bigint): bigint => BigInt.asUintN(Number(bits), value);
  const direct = random.chance(b.isSequence ? 0.3 : 0.12);
  const directFits = signedFits(BigInt.asIntN(Number(bits), offset), 32n);
  const withoutBase = (): MemoryBytes | undefined => {
    if (b.mode === 64 && random.chance(0.7) && offset < 0x80000000n) {
      return {
        mod: 0,
        rm: 5,
        sib: undefined,
        displacement: offset,
        displacementBytes: 4,
        ripRelative: true,
      };
    }
    if (!directFits) return undefined;
    const sib = b.mode === 64 || random.chance(0.3);
    return {
      mod: 0,
      rm: sib ? 4 : 5,
      sib: sib ? (random.below(4) << 6) | (4 << 3) | 5 : undefined,
      displacement: offset,
      displacementBytes: 4,
      ripRelative: false,
    };
  };
  if (direct) return withoutBase();
  const limit = b.mode === 64 ? 16 : 8;
  const useIndex = random.chance(b.isSequence ? 0.1 : 0.4);
  let base = b.isSequence && b.pointers.length ? random.pick(b.pointers) : random.below(limit);
  let index = useIndex ? random.below(limit) : 4;
  if (b.isSequence && b.starts.length > 0 && useIndex && !b.pointers.includes(index)) index = 4;
  if (index !== 4 && index === base) base = (base + 1) % limit;
  const noBase = index !== 4 && random.chance(0.15);
  const scale = index === 4 ? random.below(4) : random.below(4);
  let indexValue = 0n;
  if (index !== 4) {
    if (!b.isKnown(index)) {
      const value = random.chance(0.6) ? BigInt(random.between(-300, 300)) : random.integer(64);
      b.assign(index, value);
    }
    indexValue = b.gpr[index] ?? 0n;
  }
  const scaled = wrap(indexValue << BigInt(scale));
  plan.rexX = index > 7;
  const sibByte = (baseField: number): number => (scale << 6) | ((index & 7) << 3) | baseField;
  if (noBase) {
    const displacement = BigInt.asIntN(Number(bits), offset - scaled);
    if (!signedFits(displacement, 32n)) {
      plan.rexX = false;
      return withoutBase();
    }
    return {
      mod: 0,
      rm: 4,
      sib: sibByte(5),
      displacement,
      displacementBytes: 4,
      ripRelative: false,
    };
  }
  const rest = wrap(offset - scaled);
  let displacement: bigint;
  // POP with a base of rSP adds the operand's size first; in a single case that is set right.
  const popped = isPop && base === RSP ? BigInt(plan.operandBits / 8) : 0n;
  if (b.isKnown(base) || b.isSequence || base === RSP) {
    displacement = BigInt.asIntN(Number(bits), rest - wrap(b.gpr[base] ?? 0n) - popped);
    if (base === RSP) b.known |= 1 << RSP;
    if (!signedFits(displacement, 32n)) {
      plan.rexX = false;
      return withoutBase();
    }
    if (b.isSequence && !b.pointers.includes(base) && b.starts.length > 0) {
      plan.rexX = false;
      return withoutBase();
    }
  } else {
    const kind = random.below(3);
    displacement =
      kind === 0
        ? 0n
        : kind === 1
          ? BigInt(random.between(-128, 127))
          : BigInt.asIntN(32, random.integer(32));
    const noise = b.mode === 64 && bits === 32n ? BigInt(random.u32()) << 32n : 0n;
    b.assign(base, wrap(rest - displacement) | noise);
  }
  plan.rexB = base > 7;
  let mod: number;
  if (displacement === 0n && (base & 7) !== 5 && random.chance(0.8)) mod = 0;
  else if (signedFits(displacement, 8n) && random.chance(0.8)) mod = 1;
  else mod = 2;
  const needsSib = index !== 4 || (base & 7) === 4 || random.chance(0.1);
  return {
    mod,
    rm: needsSib ? 4 : base & 7,
    sib: needsSib ? sibByte(base & 7) : undefined,
    displacement,
    displacementBytes: mod === 0 ? 0 : mod === 1 ? 1 : 4,
    ripRelative: false,
  };
}

const pairs16: readonly (readonly number[])[] = [
  [RBX, RSI],
  [RBX, RDI],
  [RBP, RSI],
  [RBP, RDI],
  [RSI],
  [RDI],
  [RBP],
  [RBX],
];

function address16(b: CaseBuilder, offset: bigint): MemoryBytes {
  const { random } = b;
  const rm = random.below(8);
  const [base, index] = pairs16[rm] ?? [];
  if (base === undefined || (rm === 6 && random.chance(0.5)) || b.isSequence) {
    return {
      mod: 0,
      rm: 6,
      sib: undefined,
      displacement: offset,
      displacementBytes: 2,
      ripRelative: false,
    };
  }
  const mod = rm === 6 ? random.between(1, 2) : random.below(3);
  let displacement = 0n;
  if (mod === 1) displacement = BigInt(random.between(-128, 127));
  if (mod === 2) displacement = random.integer(16);
  let rest = offset - displacement;
  if (index !== undefined) {
    b.assign(index, random.integer(32));
    rest -= b.gpr[index] ?? 0n;
  }
  b.assign(base, (rest & 0xffffn) | (random.integer(32) & 0xffff0000n));
  return {
    mod,
    rm,
    sib: undefined,
    displacement,
    displacementBytes: mod,
    ripRelative: false,
  };
}
