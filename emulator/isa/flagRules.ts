/**
 * How arithmetic leaves the status flags (SDM 1 §3.4.3.1). The interpreter keeps a result and a
 * carry word and computes flags when somebody asks; the translator drops what nobody reads.
 */

/** Bit numbers in RFLAGS. */
export const Flag = {
  CF: 0,
  PF: 2,
  AF: 4,
  ZF: 6,
  SF: 7,
  TF: 8,
  IF: 9,
  DF: 10,
  OF: 11,
} as const;
export type Flag = (typeof Flag)[keyof typeof Flag];

/**
 * - add: a + b (+ carry in) = result; all six flags. Also ADC, XADD.
 * - sub: a - b (- borrow in) = result. CMP, SUB, SBB, NEG (0 - b), CMPXCHG, CMPS, SCAS.
 * - inc, dec: as add/sub of 1, CF unchanged. Only `result` is used.
 * - logic: SF ZF PF of result, CF = OF = AF = 0.
 */
export const FlagRule = { add: 'add', sub: 'sub', inc: 'inc', dec: 'dec', logic: 'logic' } as const;
export type FlagRule = (typeof FlagRule)[keyof typeof FlagRule];

/** General registers in encoding order. */
export const Reg = {
  RAX: 0,
  RCX: 1,
  RDX: 2,
  RBX: 3,
  RSP: 4,
  RBP: 5,
  RSI: 6,
  RDI: 7,
  R11: 11,
} as const;

/** Segment registers in encoding order (SDM 2A table 3-1 Sreg). */
export const Seg = { ES: 0, CS: 1, SS: 2, DS: 3, FS: 4, GS: 5 } as const;

/** Exception vectors (SDM 3A table 6-1). */
export const Vector = {
  DE: 0,
  DB: 1,
  BP: 3,
  OF: 4,
  BR: 5,
  UD: 6,
  NM: 7,
  DF: 8,
  TS: 10,
  NP: 11,
  SS: 12,
  GP: 13,
  PF: 14,
  MF: 16,
  AC: 17,
  XM: 19,
} as const;
