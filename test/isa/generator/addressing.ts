/** Memory operands: an addressing form for a wanted address, with the registers set to make it so. */
import { RBP, RBX, RDI, RSI, RSP } from './caseBuilder.ts';
import type { CaseBuilder } from './caseBuilder.ts';

/** Sizes and prefix bits of the instruction being written. */
export interface Plan {
  operandBits: 16 | 32 | 64;
  addressBits: 16 | 32 | 64;
  rexW: boolean;
  rexR: boolean;
  rexX: boolean;
  rexB: boolean;
  needsRex: boolean;
  segment: number | undefined;
}

/** ModRM.mod and rm, SIB and displacement; for RIP-relative ones the displacement is the target. */
export interface MemoryBytes {
  mod: number;
  rm: number;
  sib: number | undefined;
  displacement: bigint;
  displacementBytes: number;
  ripRelative: boolean;
}

export const signedFits = (value: bigint, bits: bigint): boolean =>
  value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n);

export const isCanonical = (address: bigint): boolean =>
  signedFits(BigInt.asIntN(64, address), 48n);

/** An addressing form whose effective address is `offset`, with registers set to make it so. */
export function address(
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
