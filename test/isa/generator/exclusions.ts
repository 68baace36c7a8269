/**
 * What the suite does not run, and why; and what the manual leaves undefined. References: Intel SDM
 * (volume 2 unless said), AMD APM volume 3. The host's CPU may be of either maker.
 */
import type { Form } from '../../../emulator/isa/forms.ts';

/** Instructions left out altogether: name → reason. */
export const excludedInstructions: Readonly<Record<string, string>> = {
  CPUID: 'answers differ by model',
  RDTSC: 'time',
  RDTSCP: 'time',
  RDPMC: 'counters',
  RDRAND: 'random',
  RDSEED: 'random',
  SYSCALL: "enters the host's kernel",
  SYSRET: 'AMD and Intel check in different order',
  SYSENTER: '#UD in long mode on AMD, enters the kernel on Intel',
  SYSEXIT: '#UD in long mode on AMD, #GP on Intel',
  SGDT: 'emulated by Linux where the host has UMIP',
  SIDT: 'emulated by Linux where the host has UMIP',
  SLDT: 'emulated by Linux where the host has UMIP',
  STR: 'emulated by Linux where the host has UMIP',
  SMSW: 'emulated by Linux where the host has UMIP',
  INT1: "Linux does not report the program's own INT1 as an exception of this kind",
  VMCALL: 'reaches the hypervisor',
  VMMCALL: 'reaches the hypervisor',
  MONITOR: 'hidden in the model',
  MWAIT: 'hidden in the model',
  XGETBV: 'hidden in the model',
  RCPPS: 'approximation, differs by maker',
  RCPSS: 'approximation, differs by maker',
  RSQRTPS: 'approximation, differs by maker',
  RSQRTSS: 'approximation, differs by maker',
  F2XM1: 'transcendental: within 1 ulp, not bit for bit (SDM 1 §8.3.10)',
  FYL2X: 'transcendental',
  FYL2XP1: 'transcendental',
  FPTAN: 'transcendental',
  FPATAN: 'transcendental',
  FSIN: 'transcendental',
  FCOS: 'transcendental',
  FSINCOS: 'transcendental',
  FNSTENV: 'stores FIP and FDP, which the makers update differently (SDM 1 §8.1.8)',
  FNSAVE: 'stores FIP and FDP',
  FXSAVE: 'stores FIP, FDP and MXCSR_MASK',
  FXSAVE64: 'stores FIP, FDP and MXCSR_MASK',
};

/** Forms left out by a rule. */
export function isExcludedForm(name: string, form: Form, choice: EncodingChoice): boolean {
  // AMD truncates near branches with a 66 prefix in 64-bit mode, Intel ignores it (SDM 2A, Jcc).
  if (choice.mode === 64 && form.encoding.force64 && choice.operandPrefix) return true;
  // F3 0F BC/BD are TZCNT and LZCNT on the host; the model executes BSF and BSR (SDM 2A §2.1.1).
  if ((name === 'BSF' || name === 'BSR') && choice.repeatPrefix !== 0) return true;
  // F3 90 is PAUSE: the makers differ in whether REX.B makes it XCHG r8, rAX (SDM 2B, PAUSE).
  if (name === 'XCHG' && form.encoding.opcode === 0x90 && choice.repeatPrefix !== 0) return true;
  // With 66, AMD still reads 32 bits, the SDM says r/m16.
  if (name === 'MOVSXD' && choice.operandPrefix && !choice.rexW) return true;
  // BSWAP of a 16-bit register is undefined (SDM 2A).
  if (name === 'BSWAP' && choice.operandPrefix && !choice.rexW) return true;
  // AMD has no m16:64 far pointers: REX.W is ignored there (APM 3, CALL far).
  if (/^(CALL|JMP|CALLF|JMPF|LSS|LFS|LGS)/.test(name) && choice.rexW && isFar(form)) return true;
  return false;
}

const isFar = (form: Form): boolean =>
  (form.encoding.opcode === 0xff && [3, 5].includes(form.encoding.digit ?? -1)) ||
  (form.encoding.map === 1 && [0xb2, 0xb4, 0xb5].includes(form.encoding.opcode));

export interface EncodingChoice {
  readonly mode: 64 | 32;
  readonly operandPrefix: boolean;
  readonly rexW: boolean;
  readonly repeatPrefix: 0 | 0xf2 | 0xf3;
}

const CF = 0x1;
const PF = 0x4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const status = CF | PF | AF | ZF | SF | OF;

/** Flags that an instruction leaves undefined (SDM 1 appendix A and the instruction's page). */
const undefinedByName: Readonly<Record<string, number>> = {
  AND: AF,
  OR: AF,
  XOR: AF,
  TEST: AF,
  MUL: SF | ZF | AF | PF,
  IMUL: SF | ZF | AF | PF,
  DIV: status,
  IDIV: status,
  BT: OF | SF | AF | PF,
  BTS: OF | SF | AF | PF,
  BTR: OF | SF | AF | PF,
  BTC: OF | SF | AF | PF,
  BSF: CF | OF | SF | AF | PF,
  BSR: CF | OF | SF | AF | PF,
  AAA: OF | SF | ZF | PF,
  AAS: OF | SF | ZF | PF,
  AAM: OF | AF | CF,
  AAD: OF | AF | CF,
  DAA: OF,
  DAS: OF,
};

/** Shifts: `count` is the masked count if the generator knows it. */
function undefinedByShift(name: string, width: number, count: number | undefined): number {
  if (count === 0) return 0;
  let flags = 0;
  // OF is defined for counts of 1 only.
  if (count !== 1) flags |= OF;
  if (/^(SH[LR]|SAR)/.test(name)) flags |= AF;
  // CF of SHL and SHR beyond the operand's size.
  if (width < 32 && /^SH[LR]$/.test(name) && (count === undefined || count >= width)) flags |= CF;
  return flags;
}

export const shiftNames = new Set('SHL SHR SAR ROL ROR RCL RCR SHLD SHRD'.split(' '));

/** SHLD and SHRD of 16 bits by more than 16: result and flags are undefined. */
export const isUndefinedDoubleShift = (name: string, width: number, count: number | undefined) =>
  (name === 'SHLD' || name === 'SHRD') && width === 16 && (count === undefined || count > 16);

export function undefinedFlags(name: string, width: number, count: number | undefined): number {
  if (shiftNames.has(name)) return undefinedByShift(name, width, count);
  return undefinedByName[name] ?? 0;
}

/**
 * Instructions of several accesses: which of them faults first is the maker's business, so only the
 * page of CR2 is compared; and what was stored before the fault is not (AMD stores as it goes).
 */
export const severalAccesses = new Set(
  (
    'RETF IRET FRSTOR FLDENV FXRSTOR FXRSTOR64 PUSHA POPA ENTER CALLF JMPF LDS LES LFS LGS LSS BOUND ' +
    'LGDT LIDT'
  ).split(' '),
);

/** Accesses at unrelated addresses: which one faults first, and how, is the maker's business. */
export const unorderedAccesses = new Set(['CMPS', 'MOVS', 'ENTER']);

/** Loads that AMD does into registers one by one: those before the fault are not compared. */
export const partialLoads = new Set(['POPA']);

/** LOCK that is not #UD on AMD: VERR, VERW, and MOV CR0, which it makes MOV CR8 (APM 3, MOV CRn). */
export const locksQuietly = (name: string, { encoding }: Form): boolean =>
  name === 'VERR' ||
  name === 'VERW' ||
  (encoding.map === 1 && [0x20, 0x22].includes(encoding.opcode));

/** AMD takes F2 and F3 before LOOPE and LOOPNE for their condition; the SDM knows no such prefix. */
export const takesPrefixAsCondition = (name: string): boolean =>
  name === 'LOOPE' || name === 'LOOPNE';

/** x87 condition codes that the SDM calls undefined (volume 2, "FPU Flags Affected"). */
export function undefinedConditionCodes(name: string): number {
  const [c0, c1, c2, c3] = [0x100, 0x200, 0x400, 0x4000];
  if (/^(FFREE|FFREEP|FLDENV_|FNOP|FLDCW|FNENI|FNSETPM|EMMS)$/.test(name)) return c0 | c1 | c2 | c3;
  // C0, C2, C3 undefined; C1 where no stack fault says otherwise.
  if (/^F(CMOV)/.test(name)) return c0 | c1 | c2 | c3;
  if (/^FU?COMIP?$/.test(name)) return 0;
  return 0;
}

/** Instructions that set all status flags, so that earlier undefined ones are gone. */
export const definesAllFlags = new Set(
  (
    'ADD ADC SUB SBB CMP NEG AND OR XOR TEST XADD CMPXCHG POPCNT SAHF_ UCOMISS UCOMISD COMISS ' +
    'COMISD PTEST PCMPESTRI PCMPESTRM PCMPISTRI PCMPISTRM'
  ).split(' '),
);

/** Instructions whose outcome depends on status flags. */
export const readsFlags = new Set(
  (
    'ADC SBB RCL RCR Jcc SETcc CMOVcc LOOPE LOOPNE PUSHF LAHF CMC INTO DAA DAS AAA AAS SALC FCMOVcc ' +
    'FCMOVB FCMOVE FCMOVBE FCMOVU FCMOVNB FCMOVNE FCMOVNBE FCMOVNU'
  ).split(' '),
);
