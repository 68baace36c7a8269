/** Reads the interpreter's decoded blocks out of the core's memory (formats: cpu/layout.ts). */
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  BLOCK_HOST,
  BLOCK_RECORDS,
  BLOCK_SECOND,
  OFF_GPR,
  OFF_RIP,
  OFF_X87,
  OFF_XMM,
  OFF_ZERO,
  RECORD_SIZE,
  REC_ADDRESS_SIZE,
  REC_BASE,
  REC_COUNT,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_KIND,
  REC_LENGTH,
  REC_NEXT,
  REC_PREFIXES,
  REC_REG,
  REC_RM,
  REC_SCALE,
  REC_SEGMENT,
  REC_START,
} from '../cpu/layout.ts';
import '../isa/instructions.ts';
import type { Instruction } from '../isa/dsl.ts';
import type { Form } from '../isa/forms.ts';
import { slotCount, variantsOf, type Variant } from '../isa/gen/variants.ts';
import { allInstructions } from '../isa/registry.ts';
import { effectsOf } from './effects.ts';
import type { GuestBlock, GuestInstruction, MemoryOperand, RegisterOperand } from './guestCode.ts';

/** Slots whose handler always leaves have this bit (isa/gen/main.ts). */
const LEAVES = 0x8000;

/**
 * The variants behind the core's handlers, by handler table index. A guest uses few of them, so each is made when it is
 * first asked for.
 */
export class HandlerVariants {
  readonly #forms: { instruction: Instruction; form: Form; firstSlot: number }[] = [];
  /** First slot of a handler, by its table index. */
  readonly #slots = new Map<number, number>();
  readonly #known = new Map<number, Variant | undefined>();

  /** `slotAddress`: the decoder's table of handler numbers; `indexOf`: table index of a handler number. */
  constructor(memory: DataView, slotAddress: number, indexOf: (handler: number) => number) {
    const firstSlots: number[] = [];
    let slot = 0;
    for (const instruction of allInstructions())
      for (const form of instruction.forms) {
        this.#forms.push({ instruction, form, firstSlot: slot });
        for (const end = slot + slotCount(form); slot < end; slot++) {
          const number = memory.getUint16(slotAddress + 2 * slot, true) & ~LEAVES;
          if (number !== 0) firstSlots[number] ??= slot;
        }
      }
    firstSlots.forEach((first, number) => {
      const index = indexOf(number);
      if (!this.#slots.has(index)) this.#slots.set(index, first);
    });
  }

  get(handler: number): Variant | undefined {
    if (!this.#known.has(handler)) this.#known.set(handler, this.#make(handler));
    return this.#known.get(handler);
  }

  #make(handler: number): Variant | undefined {
    const slot = this.#slots.get(handler);
    if (slot === undefined) return undefined;
    const at = this.#forms.findLast(({ firstSlot }) => firstSlot <= slot);
    return at && variantsOf(at.instruction, at.form)[slot - at.firstSlot];
  }
}

export class GuestCodeReader {
  readonly #memory: DataView;
  readonly #cpu: number;
  readonly #variants: HandlerVariants;
  readonly #hooks: readonly number[];
  /** What was read in this batch, by block. */
  readonly #known = new Map<number, readonly GuestInstruction[]>();

  /** `cpu`: address of the state block; `hooks`: handlers of first records that are no instructions. */
  constructor(memory: DataView, cpu: number, variants: HandlerVariants, hooks: readonly number[]) {
    this.#hooks = hooks;
    this.#memory = memory;
    this.#cpu = cpu;
    this.#variants = variants;
  }

  /** Between batches blocks may change. */
  forget(): void {
    this.#known.clear();
  }

  /** The block at `address`; undefined if it was killed or holds what has no variant (#UD). */
  block(address: number, offset: number): GuestBlock | undefined {
    const m = this.#memory;
    const bytes = m.getUint16(address + BLOCK_BYTES, true);
    if (bytes === 0) return undefined;
    const instructions = this.#known.get(address) ?? this.#instructions(address);
    if (instructions === undefined) return undefined;
    this.#known.set(address, instructions);
    const host = m.getUint32(address + BLOCK_HOST, true);
    const second = m.getUint32(address + BLOCK_SECOND, true);
    return { address, offset, host, second, bytes, instructions };
  }

  #instructions(address: number): readonly GuestInstruction[] | undefined {
    const m = this.#memory;
    const records = m.getUint16(address + BLOCK_RECORDS, true);
    const instructions: GuestInstruction[] = [];
    for (let i = 0; i < records; i++) {
      const record = address + BLOCK_HEADER + i * RECORD_SIZE;
      const handler = m.getUint32(record + REC_HANDLER, true);
      const variant = this.#variants.get(handler);
      // The record behind the last instruction ends the block.
      if (variant === undefined && i === records - 1 && i > 0) break;
      if (i === 0 && this.#hooks.includes(handler)) continue;
      if (variant === undefined) return undefined;
      instructions.push(this.#instruction(record, handler, variant));
    }
    return instructions;
  }

  #register(address: number): RegisterOperand {
    const at = address - this.#cpu;
    if (at >= OFF_GPR && at < OFF_GPR + 128)
      return { file: 'gpr', number: (at - OFF_GPR) >> 3, high: (at & 7) === 1 };
    if (at >= OFF_XMM && at < OFF_XMM + 256)
      return { file: 'xmm', number: (at - OFF_XMM) >> 4, high: false };
    if (at >= OFF_X87 && at < OFF_X87 + 128)
      return { file: 'x87', number: (at - OFF_X87) >> 4, high: false };
    return { file: 'other', number: address, high: false };
  }

  #memoryOperand(record: number): MemoryOperand {
    const m = this.#memory;
    const base = m.getUint32(record + REC_BASE, true) - this.#cpu;
    const index = m.getUint32(record + REC_INDEX, true) - this.#cpu;
    const isGpr = (at: number): boolean => at >= OFF_GPR && at < OFF_GPR + 128;
    return {
      base: base === OFF_RIP ? 'rip' : isGpr(base) ? (base - OFF_GPR) >> 3 : undefined,
      index: index !== OFF_ZERO && isGpr(index) ? (index - OFF_GPR) >> 3 : undefined,
      scale: m.getUint8(record + REC_SCALE),
      displacement: m.getBigInt64(record + REC_DISP, true),
    };
  }

  #instruction(record: number, handler: number, variant: Variant): GuestInstruction {
    const m = this.#memory;
    return {
      variant,
      effects: effectsOf(variant),
      record,
      handler,
      start: m.getUint16(record + REC_START, true),
      next: m.getUint16(record + REC_NEXT, true),
      reg: this.#register(m.getUint32(record + REC_REG, true)),
      rm: this.#register(m.getUint32(record + REC_RM, true)),
      memory: this.#memoryOperand(record),
      addressKind: m.getUint8(record + REC_KIND),
      addressBytes: m.getUint8(record + REC_ADDRESS_SIZE),
      segment: m.getUint8(record + REC_SEGMENT),
      immediate: m.getBigUint64(record + REC_IMM, true),
      prefixes: m.getUint8(record + REC_PREFIXES),
      length: m.getUint8(record + REC_LENGTH),
      count: m.getUint16(record + REC_COUNT, true),
    };
  }
}
