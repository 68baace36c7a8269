/** Differences between two outcomes of a case, as text; none means that they agree. */
import { endSystemCall, endTimeout } from './caseFormat.ts';
import type { Outcome } from './caseFormat.ts';
import { partialLoads, severalAccesses, unorderedAccesses } from './generator/exclusions.ts';
import type { GeneratedCase } from './generator/generateCase.ts';
import { hostMaker } from './hostMaker.ts';
import { instructionAt } from './instructionAt.ts';
import { asIntel } from './intelDifferences.ts';

export const registerNames = 'RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15'.split(
  ' ',
);
const selectorNames = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'];
const vectorsWithCode = new Set([8, 10, 11, 12, 13, 14, 17]);
/** CF PF AF ZF SF TF DF OF, NT, RF, AC, ID. */
const comparedFlags = 0x254dd5;
const breakpoint = 3;
/** The limit of Linux's selector 0x7b is the number of the CPU. */
const linuxCpuLimit = 0x1000n;
const pageFault = 14;
const debug = 1;

/** FCW FSW FTW, MXCSR, ten bytes of each x87 register, XMM. FOP, FIP and FDP are left out: makers differ. */
const comparedFx = ((): boolean[] => {
  const compared = new Array<boolean>(416).fill(false);
  compared.fill(true, 0, 5);
  compared.fill(true, 24, 28);
  for (let i = 0; i < 8; i++) compared.fill(true, 32 + i * 16, 42 + i * 16);
  compared.fill(true, 160, 416);
  return compared;
})();

/** #SS, #GP, #PF */
const isAccessFault = (vector: number): boolean => vector >= 12 && vector <= 14;

const hex = (value: bigint | number): string => value.toString(16);
const bytesHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A wild jump has reached an INT1, which is excluded. */
const isInt1 = ({ code, test }: GeneratedCase, rip: bigint): boolean =>
  code[Number(rip) - 1 - test.rip] === 0xf1;

/** MXCSR.MM exists on AMD only; setting it is #GP elsewhere (APM 1 §4.2.2). */
const hasMisalignedMode = (fx: Uint8Array | undefined): boolean => ((fx?.[26] ?? 0) & 2) !== 0;

/** The host made a split lock wait for longer than a case may take (see splitLocksKept). */
function isSlowLock(generated: GeneratedCase, { vector, rip }: Outcome): boolean {
  if (vector !== endTimeout) return false;
  const at = instructionAt(generated, rip);
  return at !== undefined && (at.name === 'XCHG' || at.prefixes.includes(0xf0));
}

/** `expected` is the real CPU's. */
export function compareOutcomes(
  generated: GeneratedCase,
  expected: Outcome,
  ours: Outcome,
): string[] {
  if (expected.vector === endSystemCall) return [];
  const actual = hostMaker === 'intel' ? asIntel(generated, expected, ours) : ours;
  if (!actual) return [];
  if (expected.vector === endTimeout && actual.vector === endTimeout) return [];
  if (isSlowLock(generated, expected)) return [];
  if (expected.vector === debug && isInt1(generated, actual.rip)) return [];
  if (hasMisalignedMode(expected.fx)) return [];
  const differences: string[] = [];
  const isOneOf = (set: ReadonlySet<string>): boolean => generated.names.some((n) => set.has(n));
  const check = (name: string, a: bigint | number, b: bigint | number): void => {
    if (a !== b) differences.push(`${name}: CPU ${hex(a)}, ours ${hex(b)}`);
  };
  // Which of two bad operands is found first is the maker's business.
  const eitherOperand =
    isOneOf(unorderedAccesses) && isAccessFault(expected.vector) && isAccessFault(actual.vector);
  if (!eitherOperand) check('vector', expected.vector, actual.vector);
  check('RIP', expected.rip, actual.rip);
  if (!eitherOperand && expected.vector === actual.vector && vectorsWithCode.has(expected.vector)) {
    let mask = 0xffffffff;
    if (expected.vector === pageFault) {
      const several = isOneOf(severalAccesses);
      const unit = several ? 12n : 0n;
      check('CR2', expected.cr2 >> unit, actual.cr2 >> unit);
      // Linux shows faults beyond the user's addresses as protection violations, always.
      if (expected.cr2 >= 0x7ffffffff000n) mask = ~1;
    }
    check('error code', (expected.errorCode & mask) >>> 0, (actual.errorCode & mask) >>> 0);
  }
  const ended = expected.vector === breakpoint;
  const ignored = ended ? generated.undefinedAtEnd : generated.undefinedEver;
  const mask = comparedFlags & ~ignored;
  check('flags', expected.flags & mask, actual.flags & mask);
  // Bits 16..19 of access rights are undefined (SDM 2A, LAR); AMD shows the limit's.
  const registerMask = generated.names.includes('LAR') ? ~0xf0000n : ~0n;
  const hasLimit = generated.names.includes('LSL');
  for (let i = 0; i < 16 && (ended || !isOneOf(partialLoads)); i++) {
    const [theirs, ours] = [expected.gpr[i] ?? 0n, actual.gpr[i] ?? 0n];
    if (hasLimit && (theirs ^ ours) < linuxCpuLimit && ours % linuxCpuLimit === 0n) continue;
    check(registerNames[i] ?? '', theirs & registerMask, ours & registerMask);
  }
  for (let i = 0; i < 6; i++) {
    // Null selectors lose their RPL on the way back from the kernel (SDM 2A, IRET).
    const visible = (selector = 0): number => (selector < 4 ? 0 : selector);
    check(selectorNames[i] ?? '', visible(expected.selectors[i]), visible(actual.selectors[i]));
  }
  check('FS base', expected.fsBase, actual.fsBase);
  check('GS base', expected.gsBase, actual.gsBase);
  if (expected.fx && actual.fx) {
    compareFx(expected.fx, actual.fx, generated.undefinedFpu, differences);
  }
  // See severalAccesses.
  if (!ended && isOneOf(severalAccesses)) return differences;
  for (const address of new Set([...expected.lines.keys(), ...actual.lines.keys()])) {
    const a = expected.lines.get(address);
    const b = actual.lines.get(address);
    if (a && b && Buffer.compare(a, b) === 0) continue;
    const text = (line: Uint8Array | undefined): string => (line ? bytesHex(line) : 'unchanged');
    differences.push(`memory ${hex(address)}:\n      CPU  ${text(a)}\n      ours ${text(b)}`);
  }
  return differences;
}

function compareFx(
  expected: Uint8Array,
  actual: Uint8Array,
  undefinedConditions: number,
  differences: string[],
): void {
  for (const fx of [expected, actual]) fx[3] = (fx[3] ?? 0) & ~(undefinedConditions >> 8);
  const field = (name: string, at: number, size: number): void => {
    let differs = false;
    for (let i = at; i < at + size; i++) {
      if (comparedFx[i] && expected[i] !== actual[i]) differs = true;
    }
    if (!differs) return;
    const text = (fx: Uint8Array): string => bytesHex(fx.slice(at, at + size).reverse());
    differences.push(`${name}: CPU ${text(expected)}, ours ${text(actual)}`);
  };
  field('FCW', 0, 2);
  field('FSW', 2, 2);
  field('FTW', 4, 1);
  field('MXCSR', 24, 4);
  for (let i = 0; i < 8; i++) field(`ST${i}`, 32 + i * 16, 10);
  for (let i = 0; i < 16; i++) field(`XMM${i}`, 160 + i * 16, 16);
}
