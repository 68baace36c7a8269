/**
 * Encodings: `op(0x0f, 0xaf)` and its modifiers. One form is one line of the manual's opcode
 * table. Notation and prefixes: SDM 2A §2.1, §2.2 and §3.1.1.
 */
import type { FormOperand } from './operands.ts';

/** Opcode maps; the number is the index of the decode table. */
export const OpcodeMap = { one: 0, two: 1, three38: 2, three3a: 3 } as const;
export type OpcodeMap = (typeof OpcodeMap)[keyof typeof OpcodeMap];

/**
 * Role of 66/F2/F3 for a form. 'any': not looked at (66 is operand size, F2/F3 are ignored or REP).
 * 'np': none of the three may be there. 'p66','f3','f2': mandatory prefix (F2/F3 win over 66;
 * 66 beside F2/F3 keeps its operand-size meaning).
 */
export type MandatoryPrefix = 'any' | 'np' | 'p66' | 'f3' | 'f2';

export interface Encoding {
  readonly map: OpcodeMap;
  readonly opcode: number;
  readonly prefix: MandatoryPrefix;
  /** ModRM.reg as opcode extension (/digit). */
  readonly digit?: number;
  /** The whole ModRM byte, mod = 3 (x87 D9 E8, 0F 01 F8, ...). */
  readonly modrm?: number;
  /** True if a ModRM byte follows although no operand needs it (reserved NOPs). */
  readonly hasModrm: boolean;
  /** Number of consecutive opcodes: 8 for +r (set by Z operands), 16 for cc families. */
  readonly span: number;
  readonly lockable: boolean;
  /** 64-bit mode: operand size 64 unless 66 (PUSH, POP, near RET...), never 32. */
  readonly default64: boolean;
  /** 64-bit mode: operand size 64 whatever the prefixes (near branches on Intel, MOV CR). */
  readonly force64: boolean;
  readonly modes: 'all' | 'only64' | 'not64';
  /** Only with REX.W = 1, or only with REX.W = 0. */
  readonly rexW?: 0 | 1;
  /** Expands over operand sizes 16/32/64 although no operand says so (CBW, IRET, MOVSW/D/Q). */
  readonly sized: boolean;
  /** Expands over address sizes, so that `s.addressSize` is known (strings, LOOP, JCXZ, XLAT). */
  readonly addressSized: boolean;
  /** Which REP forms exist: 'none' ignores F2/F3; 'rep' F2 and F3 both repeat (MOVS, STOS, LODS,
   * INS, OUTS); 'repz' F3 repeats while ZF=1, F2 while ZF=0 (CMPS, SCAS). */
  readonly repeat: 'none' | 'rep' | 'repz';
  /** POP Ev: a base of rSP is the value after the increment (SDM 2B, POP). */
  readonly popAddress: boolean;
  /** Ends the block after this instruction: next RIP is stored, interrupts and modes are looked at. */
  readonly endsBlock: boolean;
  /** Memory access goes through out-of-line calls: smaller code for rare forms. */
  readonly rare: boolean;
}

/** Builder of an Encoding; every method returns a new one. */
export class Op {
  readonly encoding: Encoding;

  constructor(encoding: Encoding) {
    this.encoding = encoding;
  }

  private with(change: Partial<Encoding>): Op {
    return new Op({ ...this.encoding, ...change });
  }
  /** /digit: ModRM.reg extends the opcode. */
  digit(digit: number): Op {
    return this.with({ digit, hasModrm: true });
  }
  /** Exact ModRM byte (0xC0..0xFF). */
  modrm(modrm: number): Op {
    return this.with({ modrm, hasModrm: true });
  }
  /** A ModRM byte follows that no operand uses. */
  withModrm(): Op {
    return this.with({ hasModrm: true });
  }
  np(): Op {
    return this.with({ prefix: 'np' });
  }
  p66(): Op {
    return this.with({ prefix: 'p66' });
  }
  f3(): Op {
    return this.with({ prefix: 'f3' });
  }
  f2(): Op {
    return this.with({ prefix: 'f2' });
  }
  /** Covers 16 opcodes, the low four bits are the condition: `s.condition()`. */
  conditional(): Op {
    return this.with({ span: 16 });
  }
  /** Covers `count` consecutive opcodes with the same meaning. */
  span(count: number): Op {
    return this.with({ span: count });
  }
  /** LOCK is allowed with a memory destination; elsewhere it is #UD. */
  lockable(): Op {
    return this.with({ lockable: true });
  }
  default64(): Op {
    return this.with({ default64: true });
  }
  force64(): Op {
    return this.with({ default64: true, force64: true });
  }
  only64(): Op {
    return this.with({ modes: 'only64' });
  }
  not64(): Op {
    return this.with({ modes: 'not64' });
  }
  w0(): Op {
    return this.with({ rexW: 0 });
  }
  w1(): Op {
    return this.with({ rexW: 1 });
  }
  sized(): Op {
    return this.with({ sized: true });
  }
  addressSized(): Op {
    return this.with({ addressSized: true });
  }
  repeats(): Op {
    return this.with({ repeat: 'rep', addressSized: true });
  }
  repeatsOnZero(): Op {
    return this.with({ repeat: 'repz', addressSized: true });
  }
  popAddress(): Op {
    return this.with({ popAddress: true });
  }
  endsBlock(): Op {
    return this.with({ endsBlock: true });
  }
  rare(): Op {
    return this.with({ rare: true });
  }
}

/** Opcode bytes: op(0x01), op(0x0f, 0xaf), op(0x0f, 0x38, 0x00). */
export function op(...bytes: readonly number[]): Op {
  let map: OpcodeMap = OpcodeMap.one;
  let rest = bytes;
  if (bytes.length > 1) {
    if (bytes[0] !== 0x0f) throw new Error(`opcode ${bytes} does not start with 0F`);
    if (bytes.length === 2) [map, rest] = [OpcodeMap.two, bytes.slice(1)];
    else if (bytes[1] === 0x38) [map, rest] = [OpcodeMap.three38, bytes.slice(2)];
    else if (bytes[1] === 0x3a) [map, rest] = [OpcodeMap.three3a, bytes.slice(2)];
    else throw new Error(`no such opcode map: ${bytes}`);
  }
  const opcode = rest[0];
  if (rest.length !== 1 || opcode === undefined || opcode > 255) throw new Error(`opcode ${bytes}`);
  return new Op({
    map,
    opcode,
    prefix: 'any',
    hasModrm: false,
    span: 1,
    lockable: false,
    default64: false,
    force64: false,
    modes: 'all',
    sized: false,
    addressSized: false,
    repeat: 'none',
    popAddress: false,
    endsBlock: false,
    rare: false,
  });
}

/** One encoding of an instruction with its operands in the manual's (Intel) order. */
export interface Form {
  readonly operands: readonly FormOperand[];
  readonly encoding: Encoding;
}

export function form(operands: readonly FormOperand[], encoding: Op): Form {
  const usesModrm = operands.some((o) => o.spec.source === 'rm' || o.spec.source === 'reg');
  const low = operands.some((o) => o.spec.source === 'low');
  const digit = encoding.encoding.digit;
  if (digit !== undefined && operands.some((o) => o.spec.source === 'reg')) {
    throw new Error('a /digit form has no operand in ModRM.reg');
  }
  return {
    operands,
    encoding: {
      ...encoding.encoding,
      hasModrm: usesModrm || encoding.encoding.hasModrm,
      span: low ? 8 : encoding.encoding.span,
    },
  };
}
