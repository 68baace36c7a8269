/**
 * CPUID, RDTSC, RDTSCP, RDPMC, RDRAND. The leaves are a table that the host writes (vcpu/cpuidModels.ts); what
 * changes at run time is put in here.
 */
import { raiseWithCode } from './exceptions';
import { setFlags } from './flags';
import { hostEntropy } from './host';
import { apicEnabled } from './lapic';
import { tscNow } from './lapicTimer';
import {
  CPUID_SIZE,
  CR4_TSD,
  FLAG_CF,
  MODE_PROTECTED,
  MODE_V86,
  OFF_APIC_ID,
  OFF_CPUID,
  OFF_CPUID_COUNT,
  OFF_CR4,
  OFF_TSC_AUX,
  VECTOR_GP,
} from './layout';
import { CPU, cpl, gpr, mode, setGpr } from './state';

const ANY_SUBLEAF: u32 = 0xffffffff;

/** Table entry of a leaf, or 0. */
function find(leaf: u32, subleaf: u32): usize {
  let at = CPU + OFF_CPUID;
  const end = at + <usize>load<u32>(CPU, OFF_CPUID_COUNT) * CPUID_SIZE;
  for (; at < end; at += CPUID_SIZE) {
    if (load<u32>(at) != leaf) continue;
    const wanted = load<u32>(at, 4);
    if (wanted == ANY_SUBLEAF || wanted == subleaf) return at;
  }
  return 0;
}

/** Highest leaf of the range that `leaf` belongs to. */
function highestLeaf(range: u32): u32 {
  const entry = find(range, 0);
  return entry ? load<u32>(entry, 8) : 0;
}

export function cpuid(): void {
  let leaf = <u32>gpr(0);
  const subleaf = <u32>gpr(1);
  const range = leaf & 0xf0000000;
  // Beyond the last leaf Intel's processors answer with the highest basic one (SDM 2A, CPUID).
  if (range != 0x40000000 && (range & 0x70000000 || leaf > highestLeaf(range))) {
    leaf = highestLeaf(0);
  }
  const entry = find(leaf, subleaf);
  if (!entry) {
    setGpr(0, 0);
    setGpr(3, 0);
    setGpr(1, 0);
    setGpr(2, 0);
    if (leaf == 0xb || leaf == 0x1f) {
      setGpr(1, subleaf & 0xff);
      setGpr(2, load<u32>(CPU, OFF_APIC_ID));
    }
    return;
  }
  let b = load<u32>(entry, 12);
  let d = load<u32>(entry, 20);
  if (leaf == 1) {
    b |= load<u32>(CPU, OFF_APIC_ID) << 24;
    if (!apicEnabled()) d &= ~0x200;
  } else if (leaf == 0xb || leaf == 0x1f) {
    d = load<u32>(CPU, OFF_APIC_ID);
  } else if (leaf == 0x80000001 && !apicEnabled()) {
    d &= ~0x200;
  }
  setGpr(0, load<u32>(entry, 8));
  setGpr(3, b);
  setGpr(1, load<u32>(entry, 16));
  setGpr(2, d);
}

/** Time-stamp counter for RDTSC; CR4.TSD restricts it. */
export function readTsc(): u64 {
  if (load<u64>(CPU, OFF_CR4) & CR4_TSD && cpl() != 0 && mode() & (MODE_PROTECTED | MODE_V86)) {
    raiseWithCode(VECTOR_GP, 0);
    return 0;
  }
  return tscNow();
}

export function tscAux(): u32 {
  return load<u32>(CPU, OFF_TSC_AUX);
}

/** RDPMC: there are no counters. */
export function readCounter(): void {
  raiseWithCode(VECTOR_GP, 0);
}

/** RDRAND: a value of 32 or 64 bits, CF = 1 and the other status flags 0. */
export function random(bits: u32): u64 {
  let value = <u64>hostEntropy();
  if (bits == 64) value |= <u64>hostEntropy() << 32;
  setFlags(FLAG_CF, 0x8d5);
  return value;
}
