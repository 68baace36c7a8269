/** Decoded guest code as the translator takes it: the interpreter's blocks and records, read out of memory. */
import type { Variant } from '../isa/gen/variants.ts';
import type { Effects } from './effects.ts';

/** A register operand: which file and number, or high byte of a general register. */
export interface RegisterOperand {
  readonly file: 'gpr' | 'xmm' | 'x87' | 'other';
  readonly number: number;
  /** AH, CH, DH, BH. */
  readonly high: boolean;
}

/** Memory operand: base + (index << scale) + displacement. */
export interface MemoryOperand {
  /** General register number, 'rip' (the block's start), or undefined. */
  readonly base: number | 'rip' | undefined;
  readonly index: number | undefined;
  readonly scale: number;
  readonly displacement: bigint;
}

export interface GuestInstruction {
  readonly variant: Variant;
  readonly effects: Effects;
  /** Wasm address of the record, for its handler. */
  readonly record: number;
  readonly handler: number;
  /** Bytes from the block's start to this and the next instruction. */
  readonly start: number;
  readonly next: number;
  readonly reg: RegisterOperand;
  readonly rm: RegisterOperand;
  readonly memory: MemoryOperand;
  /** 0 flat 64-bit, 1 FS/GS or address size 32 in 64-bit code, 2 flat 32-bit, 3 segmented. */
  readonly addressKind: number;
  readonly addressBytes: number;
  readonly segment: number;
  readonly immediate: bigint;
  readonly prefixes: number;
  readonly length: number;
  /** Instructions retired when this one is done, from the block's start. */
  readonly count: number;
}

/** A straight run of instructions; the last one may branch. */
export interface GuestBlock {
  /** Wasm address of the block's header: its identity. */
  readonly address: number;
  /** Instruction pointer relative to the region's first block. */
  readonly offset: number;
  /** Wasm address of the first code byte. */
  readonly host: number;
  /** Wasm address of the part in a second page, 0 if there is none; the block then holds one instruction. */
  readonly second: number;
  readonly bytes: number;
  readonly instructions: readonly GuestInstruction[];
}

export interface RegionSource {
  readonly blocks: readonly GuestBlock[];
  /** Index of each block's successors: [taken or only, next]; undefined leaves the region. */
  readonly taken: readonly (number | undefined)[];
  readonly next: readonly (number | undefined)[];
  /** For blocks that end in an indirect jump: where it may stay inside. */
  readonly indirect: readonly (readonly number[])[];
  /** Where a RET may stay inside: what `indirect` has for each block that ends in one. */
  readonly returnsTo: readonly number[];
  readonly entries: readonly number[];
  /** 64-bit code; else flat 32-bit code. */
  readonly is64: boolean;
}
