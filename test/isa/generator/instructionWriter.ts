/** Writes one instruction of a given form into a case: prefixes, ModRM, SIB, displacement, immediate. */
import type { Instruction } from '../../../emulator/isa/dsl.ts';
import type { Form } from '../../../emulator/isa/forms.ts';
import type { OperandSpec } from '../../../emulator/isa/operands.ts';
import { address, isCanonical, signedFits } from './addressing.ts';
import type { MemoryBytes, Plan } from './addressing.ts';
import { RCX, RSP } from './caseBuilder.ts';
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
import { fillMemory, prepare } from './expectations.ts';

const segmentPrefixes = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** x87, MMX or SSE: the case then starts with an FXSAVE image and its end is compared. */
export function isFloating(form: Form): boolean {
  const { map, opcode, digit } = form.encoding;
  if (form.operands.some((o) => ['mmx', 'xmm', 'x87'].includes(o.spec.file))) return true;
  if (map === 0) return (opcode >= 0xd8 && opcode <= 0xdf) || opcode === 0x9b;
  return map === 1 && (opcode === 0x77 || (opcode === 0xae && (digit ?? 0) < 4));
}

/** Within reach of the addresses that are not canonical. */
const isNearHole = (address: bigint): boolean =>
  isCanonical(address - 1024n) !== isCanonical(address + 1024n);

/**
 * Locked accesses that cross a cache line lock the whole bus. Linux and its hypervisors make programs wait 10 ms and more for
 * each (split_lock_detect), so that all that chance makes of them would take longer than the rest of the suite.
 */
const splitLocksKept = 0.02;
const crossesLine = (target: bigint, bytes: number): boolean =>
  (target & 63n) + BigInt(bytes) > 64n;

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
    const isLocked = lock || name === 'XCHG';
    if (isLocked && crossesLine(target, memoryBytes) && !random.chance(splitLocksKept))
      return false;
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
