/**
 * Operand notation of the opcode map (SDM 2D appendix A.2), as values: `Ev` is "ModRM.rm, register
 * or memory, 16/32/64 bits by operand size". Forms list them with their access: `rw(Ev), r(Gv)`.
 * Left out: VEX operands (the `vvvv` field has its place in OperandSource).
 */

/** 'v' = 16/32/64 by operand size; 'y' = 32, or 64 with REX.W (a 66 prefix does not shorten it). */
export type OperandWidth = number | 'v' | 'y';

/** Where the encoding names the operand. */
export type OperandSource =
  | 'reg' // ModRM.reg (+REX.R)
  | 'rm' // ModRM.rm (+REX.B), or memory
  | 'low' // low three bits of the opcode (+REX.B)
  | 'imm' // an immediate
  | 'moffs' // absolute address of address size
  | 'rel' // branch displacement
  | 'far' // immediate offset (operand size) and selector
  | 'fixed'; // named by the opcode itself

export type RegisterFile = 'gpr' | 'segment' | 'control' | 'debug' | 'mmx' | 'xmm' | 'x87' | 'none';

export interface OperandSpec {
  readonly name: string;
  readonly source: OperandSource;
  readonly file: RegisterFile;
  /** Width of the value in bits; 0 = no value of its own (LEA's M, INVLPG). */
  readonly width: OperandWidth;
  /** For 'rm': what ModRM.mod may be. */
  readonly memory: 'also' | 'only' | 'never';
  /** For 'imm': encoded size in bits; 'z' = 16 or 32 (32 with REX.W); sign-extended to `width`. */
  readonly encoded?: number | 'z' | 'v';
  /** For 'fixed': register number, or the constant if file is 'none'. */
  readonly fixed?: number;
  /** Without REX, 4..7 of an 8-bit register mean AH, CH, DH, BH (true for Eb, Gb, Zb). */
  readonly highBytes?: boolean;
}

/** 'a' = address only (LEA): the operand is neither read nor written by itself. */
export type Access = 'r' | 'w' | 'rw' | 'a';

export interface FormOperand {
  readonly spec: OperandSpec;
  readonly access: Access;
}

export const r = (spec: OperandSpec): FormOperand => ({ spec, access: 'r' });
export const w = (spec: OperandSpec): FormOperand => ({ spec, access: 'w' });
/** Read, then written: memory is checked for writing at the read, so the write cannot fault. */
export const rw = (spec: OperandSpec): FormOperand => ({ spec, access: 'rw' });
/** Address only. */
export const a = (spec: OperandSpec): FormOperand => ({ spec, access: 'a' });

const rm = (
  name: string,
  file: RegisterFile,
  width: OperandWidth,
  memory: OperandSpec['memory'] = 'also',
): OperandSpec => ({ name, source: 'rm', file, width, memory });
const reg = (name: string, file: RegisterFile, width: OperandWidth): OperandSpec => ({
  name,
  source: 'reg',
  file,
  width,
  memory: 'never',
});
const imm = (name: string, width: OperandWidth, encoded: number | 'z' | 'v'): OperandSpec => ({
  name,
  source: 'imm',
  file: 'none',
  width,
  memory: 'never',
  encoded,
});
const fixed = (
  name: string,
  file: RegisterFile,
  width: OperandWidth,
  number: number,
): OperandSpec => ({ name, source: 'fixed', file, width, memory: 'never', fixed: number });

/** ModRM.rm, general-purpose register or memory. */
export const Eb: OperandSpec = { ...rm('Eb', 'gpr', 8), highBytes: true };
export const Ew = rm('Ew', 'gpr', 16);
export const Ed = rm('Ed', 'gpr', 32);
export const Eq = rm('Eq', 'gpr', 64);
export const Ev = rm('Ev', 'gpr', 'v');
export const Ey = rm('Ey', 'gpr', 'y');
/** ModRM.rm, memory only (a register is #UD or another form). M has no width: address only. */
export const M = rm('M', 'gpr', 0, 'only');
export const Mb = rm('Mb', 'gpr', 8, 'only');
export const Mw = rm('Mw', 'gpr', 16, 'only');
export const Md = rm('Md', 'gpr', 32, 'only');
export const Mq = rm('Mq', 'gpr', 64, 'only');
export const Mv = rm('Mv', 'gpr', 'v', 'only');
export const My = rm('My', 'gpr', 'y', 'only');
/** ModRM.rm, 128-bit memory only. */
export const Mx = rm('Mx', 'xmm', 128, 'only');
/** ModRM.rm, general-purpose register only. */
export const Rb: OperandSpec = { ...rm('Rb', 'gpr', 8, 'never'), highBytes: true };
export const Rw = rm('Rw', 'gpr', 16, 'never');
export const Rd = rm('Rd', 'gpr', 32, 'never');
export const Rq = rm('Rq', 'gpr', 64, 'never');
export const Rv = rm('Rv', 'gpr', 'v', 'never');
export const Ry = rm('Ry', 'gpr', 'y', 'never');

/** ModRM.reg, general-purpose. */
export const Gb: OperandSpec = { ...reg('Gb', 'gpr', 8), highBytes: true };
export const Gw = reg('Gw', 'gpr', 16);
export const Gd = reg('Gd', 'gpr', 32);
export const Gq = reg('Gq', 'gpr', 64);
export const Gv = reg('Gv', 'gpr', 'v');
export const Gy = reg('Gy', 'gpr', 'y');

/** Register in the opcode's low bits: `op(0x50)` then covers 50..57. */
export const Zb: OperandSpec = {
  name: 'Zb',
  source: 'low',
  file: 'gpr',
  width: 8,
  memory: 'never',
  highBytes: true,
};
export const Zv: OperandSpec = {
  name: 'Zv',
  source: 'low',
  file: 'gpr',
  width: 'v',
  memory: 'never',
};
export const Zy: OperandSpec = {
  name: 'Zy',
  source: 'low',
  file: 'gpr',
  width: 'y',
  memory: 'never',
};

/** Segment, control and debug registers: use `s.index(op)`; undefined numbers are the author's #UD. */
export const Sw = reg('Sw', 'segment', 16);
export const Cy = reg('Cy', 'control', 64);
export const Dy = reg('Dy', 'debug', 64);

/** Immediates. Ib: as it is, 8 bits. Ibs: sign-extended to operand size. Iz: 16/32 bits,
 * sign-extended to operand size. Iv: full operand size (MOV r64, imm64). */
export const Ib = imm('Ib', 8, 8);
export const Iw = imm('Iw', 16, 16);
export const Id = imm('Id', 32, 32);
export const Ibs = imm('Ibs', 'v', 8);
export const Iz = imm('Iz', 'v', 'z');
export const Iv = imm('Iv', 'v', 'v');

/** Absolute memory operands of A0..A3. */
export const Ob: OperandSpec = {
  name: 'Ob',
  source: 'moffs',
  file: 'gpr',
  width: 8,
  memory: 'only',
};
export const Ov: OperandSpec = {
  name: 'Ov',
  source: 'moffs',
  file: 'gpr',
  width: 'v',
  memory: 'only',
};

/** Branch displacements: 8 bits; 16 or 32 by operand size (always 32 in 64-bit mode). */
export const Jb: OperandSpec = { ...imm('Jb', 64, 8), source: 'rel' };
export const Jz: OperandSpec = { ...imm('Jz', 64, 'z'), source: 'rel' };
/** ptr16:16 / ptr16:32: `s.read` gives the offset, `s.selector` the selector. */
export const Ap: OperandSpec = {
  name: 'Ap',
  source: 'far',
  file: 'none',
  width: 'v',
  memory: 'never',
  encoded: 'v',
};

/** Fixed registers. */
export const AL = fixed('AL', 'gpr', 8, 0);
export const AX = fixed('AX', 'gpr', 16, 0);
/** AX/EAX/RAX by operand size. */
export const rAX = fixed('rAX', 'gpr', 'v', 0);
export const EAX = fixed('EAX', 'gpr', 32, 0);
export const CL = fixed('CL', 'gpr', 8, 1);
export const DX = fixed('DX', 'gpr', 16, 2);
/** The constant 1 of D0/D1. */
export const One = fixed('1', 'none', 8, 1);
/** XMM0 as implicit mask of BLENDV*. */
export const XMM0 = fixed('XMM0', 'xmm', 128, 0);

/** MMX: P = ModRM.reg, Q = rm or memory, N = rm register only. Values are 64-bit integers. */
export const Pq = reg('Pq', 'mmx', 64);
export const Pd = reg('Pd', 'mmx', 32);
export const Qq = rm('Qq', 'mmx', 64);
export const Qd = rm('Qd', 'mmx', 32);
export const Nq = rm('Nq', 'mmx', 64, 'never');

/** XMM: V = ModRM.reg, W = rm or memory, U = rm register only. The width is that of the memory
 * operand and of `s.read`/`s.write`; 128 goes with `s.readVector`/`s.writeVector`. */
export const Vx = reg('Vx', 'xmm', 128);
export const Vq = reg('Vq', 'xmm', 64);
export const Vd = reg('Vd', 'xmm', 32);
export const Wx = rm('Wx', 'xmm', 128);
export const Wq = rm('Wq', 'xmm', 64);
export const Wd = rm('Wd', 'xmm', 32);
export const Ww = rm('Ww', 'xmm', 16);
export const Ux = rm('Ux', 'xmm', 128, 'never');
export const Uq = rm('Uq', 'xmm', 64, 'never');
export const Ud = rm('Ud', 'xmm', 32, 'never');

/** x87 stack register i from ModRM.rm, mod = 3: `s.index(op)` is i, relative to TOP. */
export const STi = rm('STi', 'x87', 80, 'never');
/** x87 memory operands, and images of any size, are address-only: `a(M)` with `s.loadAt`. */
