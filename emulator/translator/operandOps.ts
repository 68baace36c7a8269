/** Operands, named registers, memory by segment and the stack, as wasm inside a region. */
import type { In, Op as Operand, Semantics, V128, Val, Width } from '../isa/dsl.ts';
import { Seg } from '../isa/flagRules.ts';
import {
  ATTR_UNUSABLE,
  OFF_SEG,
  OFF_X87,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SIZE,
  TYPE_CODE,
  TYPE_EXPAND_DOWN,
  TYPE_WRITABLE,
} from '../cpu/layout.ts';
import { typeOf, type WasmV128, type WasmVal } from './functionBuilder.ts';
import type { RegisterOperand } from './guestCode.ts';
import { MemoryOps, type MemoryTarget, type PreparedWrite } from './memoryOps.ts';
import type { PageCache } from './pageCache.ts';
import type { RegionFrame } from './regionFrame.ts';
import { Op, laneOpcodes } from './wasmOpcodes.ts';

export type OperandPart = Pick<
  Semantics,
  | ('read' | 'write' | 'writeZeroUpper' | 'readVector' | 'writeVector' | 'readAligned')
  | ('writeAligned' | 'readXmm' | 'writeXmm' | 'index' | 'selector' | 'address' | 'segment')
  | ('linear' | 'displaced' | 'loadAt' | 'storeAt' | 'checkWrite' | 'reg' | 'setReg' | 'regHigh')
  | ('setRegHigh' | 'nextRip' | 'currentRip' | 'load' | 'loadForWrite' | 'store' | 'storeVector')
  | ('checkStore' | 'stackLoad' | 'stackStore' | 'stackAdjust' | 'push' | 'pop')
>;

interface RegionOp extends Operand {
  readonly access: 'r' | 'w' | 'rw' | 'a';
  /** Displacement of a displaced operand. */
  readonly extra?: WasmVal;
}

const RSP = 4;
const RBP = 5;

export function operandOps(f: RegionFrame): OperandPart & { startInstruction(): void } {
  const { b, state } = f;
  const memory = new MemoryOps(f);
  /** Width of general registers, addresses and RIP. */
  const native = state.width;
  /** Values and prepared writes of memory operands of the instruction under way. */
  const values = new Map<Operand, WasmVal>();
  const prepared = new Map<Operand | string, PreparedWrite>();

  // -- registers --------------------------------------------------------------------------------

  const readGpr = (number: number, width: Width): WasmVal => {
    b.getLocal(state.gpr(number));
    if (width === 64 && !f.is64) b.op(Op.i64ExtendI32U);
    if (width !== 64) {
      if (f.is64) b.op(Op.i32WrapI64);
      b.wrap(width);
    }
    return b.take(width);
  };
  const pushNative = (value: Val): void => {
    if (f.is64) b.push64(value);
    else b.push32(value);
  };
  const nativeConstant = (value: bigint | number): void => {
    if (f.is64) b.i64(value);
    else b.i32(Number(BigInt.asIntN(32, BigInt(value))));
  };
  /** A value of the mode's width as the 64 bits of an address in the vocabulary. */
  const asAddress = (value: WasmVal): WasmVal => {
    if (f.is64) return value;
    b.push64(value);
    return b.take(64);
  };
  const readHigh = (number: number): WasmVal => {
    b.getLocal(state.gpr(number));
    if (f.is64) b.op(Op.i32WrapI64);
    b.i32(8);
    b.integer('shrU', 32);
    b.wrap(8);
    return b.take(8);
  };
  const writeGpr = (number: number, value: Val, high = false): void => {
    if (value.width >= 32) pushNative(value);
    else {
      const mask = high ? 0xff00n : value.width === 8 ? 0xffn : 0xffffn;
      b.getLocal(state.gpr(number));
      nativeConstant(~mask);
      b.integer('and', native);
      pushNative(value);
      if (high) {
        nativeConstant(8);
        b.integer('shl', native);
      }
      b.integer('or', native);
    }
    b.setLocal(state.dirtyGpr(number));
  };
  const registerOf = (op: Operand): RegisterOperand => {
    const { source, fixed, file } = op.spec;
    if (source === 'fixed')
      return { file: file === 'xmm' ? 'xmm' : 'gpr', number: fixed ?? 0, high: false };
    return source === 'reg' ? f.place.instruction.reg : f.place.instruction.rm;
  };
  const readRegister = (op: Operand): WasmVal => {
    const register = registerOf(op);
    const width = op.width as Width;
    if (register.file === 'gpr')
      return register.high ? readHigh(register.number) : readGpr(register.number, width);
    if (register.file === 'xmm') {
      b.getLocal(state.xmm(register.number));
      if (width >= 32) {
        b.simd(laneOpcodes[width === 64 ? 'f64x2' : 'f32x4'][1]);
        b.op(0);
        return b.takeFloat(width === 64 ? 64 : 32);
      }
      b.simd(laneOpcodes.i32x4[1]);
      b.op(0);
      b.wrap(width);
      return b.take(width);
    }
    b.i32(0);
    b.memory(width === 64 ? Op.i64Load : Op.i32Load, f.cpu + OFF_X87 + register.number * 16);
    return b.take(width);
  };
  /** Puts the value into lane 0 of the vector on the stack. */
  const replaceLow = (value: WasmVal): void => {
    const wide = value.width === 64;
    if (value.float === undefined) {
      b.push(value);
      b.simd(laneOpcodes[wide ? 'i64x2' : 'i32x4'][2]);
    } else {
      b.getLocal(value.float);
      b.simd(laneOpcodes[wide ? 'f64x2' : 'f32x4'][2]);
    }
    b.op(0);
  };
  const writeRegister = (op: Operand, value: WasmVal): void => {
    const register = registerOf(op);
    if (register.file === 'gpr') writeGpr(register.number, value, register.high);
    else if (register.file === 'xmm') {
      b.getLocal(state.xmm(register.number));
      replaceLow(value);
      b.setLocal(state.dirtyXmm(register.number));
    } else {
      const at = f.cpu + OFF_X87 + register.number * 16;
      b.i32(0);
      b.push64(value);
      b.memory(Op.i64Store, at);
      b.i32(0);
      b.i32(0xffff);
      b.memory(Op.i32Store16, at + 8);
    }
  };

  // -- addresses --------------------------------------------------------------------------------

  /** Offset in the segment, of the mode's width, before it is cut to the address size. */
  const sum = (extra?: WasmVal): WasmVal => {
    const { memory: m } = f.place.instruction;
    let parts = 0;
    const plus = (): void => {
      if (parts++ > 0) b.integer('add', native);
    };
    if (m.base === 'rip') {
      f.pushRip(f.place.blockOffset);
      plus();
    } else if (m.base !== undefined) {
      b.getLocal(state.gpr(m.base));
      plus();
    }
    if (m.index !== undefined) {
      b.getLocal(state.gpr(m.index));
      if (m.scale > 0) {
        nativeConstant(m.scale);
        b.integer('shl', native);
      }
      plus();
    }
    if (m.displacement !== 0n || parts === 0) {
      nativeConstant(m.displacement);
      plus();
    }
    if (extra) {
      pushNative(extra);
      plus();
    }
    return b.take(native);
  };
  const cut = (value: WasmVal, bytes: number): WasmVal => {
    if (bytes * 8 >= native) return value;
    b.push(value);
    nativeConstant(bytes === 4 ? 0xffffffff : 0xffff);
    b.integer('and', native);
    return b.take(native);
  };
  const addSegmentBase = (offset: Val, segment: number): WasmVal => {
    b.i32(0);
    b.memory(f.is64 ? Op.i64Load : Op.i32Load, f.cpu + OFF_SEG + segment * SEG_SIZE + SEG_BASE);
    pushNative(offset);
    b.integer('add', native);
    return b.take(native);
  };
  /** Segment checks by the core, unless there is nothing to check. */
  const checkedLinear = (offset: Val, segment: number, bytes: number, write: boolean): WasmVal => {
    const at = f.cpu + OFF_SEG + segment * SEG_SIZE;
    const linear = b.temporary(typeOf(native));
    // Usual for FS and GS in flat code: writable data of 4 GiB, which only has a base.
    b.i32(0);
    b.memory(Op.i32Load, at + SEG_LIMIT);
    b.i32(1);
    b.integer('add', 32);
    b.i32(0);
    b.memory(Op.i32Load, at + SEG_ATTR);
    b.i32(ATTR_UNUSABLE | TYPE_CODE | TYPE_EXPAND_DOWN | TYPE_WRITABLE);
    b.integer('and', 32);
    b.i32(TYPE_WRITABLE);
    b.integer('xor', 32);
    b.integer('or', 32);
    b.op(Op.i32Eqz);
    f.if(true);
    b.push(addSegmentBase(offset, segment));
    b.setLocal(linear);
    f.else();
    b.i32(segment);
    b.push64(offset);
    b.i32(bytes);
    b.i32(write ? 1 : 0);
    b.call(f.core('segmentLinear'));
    if (!f.is64) b.op(Op.i32WrapI64);
    b.setLocal(linear);
    f.endIf();
    return { kind: 'val', width: native, local: linear, constant: undefined };
  };
  const linearOf = (op: RegionOp, bytes: number, write: boolean): WasmVal => {
    const { instruction } = f.place;
    const offset = sum(op.extra);
    switch (instruction.addressKind) {
      case 0:
        return offset;
      case 1:
        return addSegmentBase(cut(offset, instruction.addressBytes), instruction.segment);
      case 2:
        return cut(offset, 4);
      default:
        return checkedLinear(
          cut(offset, instruction.addressBytes),
          instruction.segment,
          bytes,
          write,
        );
    }
  };
  const segmentNumber = (segment: number | 'ds'): number =>
    segment === 'ds' ? f.place.instruction.segment : segment;
  const linearAt = (
    segment: number | 'ds',
    offset: Val,
    bytes: number,
    write: boolean,
  ): WasmVal => {
    const number = segmentNumber(segment);
    if (f.is64) {
      b.push64(offset);
      const wide = b.take(64);
      return number < Seg.FS ? wide : addSegmentBase(wide, number);
    }
    if (number < Seg.FS && (number !== Seg.CS || !write)) {
      b.push32(offset);
      return b.take(32);
    }
    return checkedLinear(offset, number, bytes, write);
  };

  /** Where the page of the memory operand may be known. */
  const cacheOf = (): PageCache | undefined => {
    const { memory: m, addressKind } = f.place.instruction;
    if (addressKind !== 0 && addressKind !== 2) return undefined;
    const isFrame = m.base === RSP || (m.base === RBP && f.hasFrames);
    return isFrame && m.index === undefined ? f.stack : f.loopPages.get(f.place.instruction);
  };

  // -- memory operands --------------------------------------------------------------------------

  const targetOf = (op: RegionOp, bytes: number, isWrite: boolean, linear?: Val): MemoryTarget => {
    const cache = cacheOf();
    const grouped =
      op.extra || cache?.kind === 'loop' || op.spec.source !== 'rm'
        ? undefined
        : f.groups.operand(bytes, isWrite);
    return { bytes, cache, grouped, address: () => linear ?? linearOf(op, bytes, isWrite) };
  };
  const plainTarget = (linear: Val, bytes: number): MemoryTarget => ({
    bytes,
    cache: undefined,
    grouped: undefined,
    address: () => linear,
  });

  const read = (op: Operand): Val => {
    const width = op.width as Width;
    if (op.isMemory) {
      const known = values.get(op);
      if (known) return known;
      const target = op as RegionOp;
      let value: WasmVal;
      if (target.access === 'rw') {
        const access = memory.readForWrite(targetOf(target, width / 8, true), width);
        prepared.set(op, access);
        value = access.value;
      } else value = memory.read(targetOf(target, width / 8, false), width);
      values.set(op, value);
      return value;
    }
    const { instruction } = f.place;
    if (op.spec.source === 'imm' || op.spec.source === 'far') {
      const second = instruction.variant.form.operands.filter((o) => o.spec.source === 'imm')[1];
      const shift = second?.spec === op.spec ? 32n : 0n;
      return b.constant(instruction.immediate >> shift, width);
    }
    if (op.spec.source === 'fixed' && op.spec.file === 'none')
      return b.constant(op.spec.fixed ?? 0, width);
    return readRegister(op);
  };
  const write = (op: Operand, value: In): void => {
    const width = op.width as Width;
    const written = b.in(value, width);
    if (!op.isMemory) {
      writeRegister(op, written);
      return;
    }
    values.delete(op);
    const access = prepared.get(op);
    if (access !== undefined) memory.writePrepared(access, written);
    else memory.write(targetOf(op as RegionOp, width / 8, true), written);
  };
  const readVector = (op: Operand, aligned: boolean): V128 => {
    if (!op.isMemory) {
      b.getLocal(state.xmm(registerOf(op).number));
      return b.takeVector();
    }
    const linear = aligned ? linearOf(op as RegionOp, 16, false) : undefined;
    if (linear) checkAlignment(linear);
    const target = targetOf(op as RegionOp, 16, false, linear);
    return { kind: 'v128', local: memory.readVector(target) } as WasmV128;
  };
  const checkAlignment = (linear: WasmVal): void => {
    b.push32(linear);
    b.i32(15);
    b.integer('and', 32);
    f.if(false);
    // The interpreter's handler raises the right one of #GP and #SS.
    b.call(f.core('interpretInstead'));
    f.exitFault();
    f.endIf();
  };
  const writeVector = (op: Operand, value: V128, aligned: boolean): void => {
    if (!op.isMemory) {
      b.pushVector(value);
      b.setLocal(state.dirtyXmm(registerOf(op).number));
      return;
    }
    const linear = aligned ? linearOf(op as RegionOp, 16, true) : undefined;
    if (linear) checkAlignment(linear);
    const target = targetOf(op as RegionOp, 16, true, linear);
    memory.writeVector(target, (value as WasmV128).local);
  };
  const displaced = (
    op: Operand,
    offset: In,
    width: number,
    access: RegionOp['access'],
  ): Operand => {
    const base = op as RegionOp;
    const own = b.in(offset, 64);
    let extra = own;
    if (base.extra) {
      b.push(base.extra);
      b.push64(own);
      b.integer('add', 64);
      extra = b.take(64);
    } else if (own.constant === undefined && own.width !== 64) {
      b.push64(own);
      extra = b.take(64);
    }
    return { ...base, width, access, extra } as RegionOp;
  };

  // -- stack ------------------------------------------------------------------------------------

  const stackAddress = (offset: number): WasmVal => {
    b.getLocal(state.gpr(RSP));
    if (offset !== 0) {
      nativeConstant(offset);
      b.integer('add', native);
    }
    return b.take(native);
  };
  const stackAdjust = (delta: In): void => {
    b.getLocal(state.gpr(RSP));
    if (typeof delta === 'object') pushNative(delta);
    else nativeConstant(delta);
    b.integer('add', native);
    b.setLocal(state.dirtyGpr(RSP));
    f.groups.stackMoves(typeof delta === 'object' ? undefined : Number(delta));
  };
  const stackTarget = (offset: number, bytes: number, isWrite: boolean): MemoryTarget => ({
    bytes,
    cache: f.stack,
    grouped: f.groups.stack(offset, bytes, isWrite),
    address: () => stackAddress(offset),
  });
  const stackLoad = (offset: number, width: Width): Val =>
    memory.read(stackTarget(offset, width / 8, false), width);
  const stackStore = (offset: number, value: Val): void =>
    memory.write(stackTarget(offset, value.width / 8, true), value);

  const key = (segment: number | 'ds', offset: Val, width: number): string => {
    const { local, constant } = offset as WasmVal;
    return `${segment} ${local} ${constant} ${width}`;
  };

  return {
    startInstruction() {
      values.clear();
      prepared.clear();
    },
    read,
    write,
    writeZeroUpper(op, value) {
      b.vectorConstant(0n, 0n);
      replaceLow(value as WasmVal);
      b.setLocal(state.dirtyXmm(registerOf(op).number));
    },
    readVector: (op) => readVector(op, false),
    writeVector: (op, value) => writeVector(op, value, false),
    readAligned: (op) => readVector(op, true),
    writeAligned: (op, value) => writeVector(op, value, true),
    readXmm(number) {
      b.getLocal(state.xmm(number));
      return b.takeVector();
    },
    writeXmm(number, value) {
      b.pushVector(value);
      b.setLocal(state.dirtyXmm(number));
    },
    index: (op) => b.constant(registerOf(op).number, 32),
    selector: () => b.constant((f.place.instruction.immediate >> 32n) & 0xffffn, 16),
    address(op) {
      return asAddress(cut(sum((op as RegionOp).extra), f.place.instruction.addressBytes));
    },
    segment: () => b.constant(f.place.instruction.segment, 32),
    linear(op, bytes, isWrite) {
      const value = linearOf(op as RegionOp, bytes, isWrite);
      if (f.place.instruction.addressKind === 3) f.checkFault();
      return asAddress(value);
    },
    displaced,
    loadAt: (op, offset, width) => read(displaced(op, offset, width, 'r')),
    storeAt: (op, offset, value) => write(displaced(op, offset, value.width, 'w'), value),
    checkWrite(op) {
      if (op.isMemory)
        memory.checkWrite(linearOf(op as RegionOp, op.width / 8, true), op.width / 8);
    },
    reg: readGpr,
    setReg: (number, value) => writeGpr(number, value),
    regHigh: readHigh,
    setRegHigh: (number, value) => writeGpr(number, b.in(value, 8), true),
    nextRip() {
      f.pushRip(f.nextOffset);
      return asAddress(b.take(native));
    },
    currentRip() {
      f.pushRip(f.currentOffset);
      return asAddress(b.take(native));
    },
    load: (segment, offset, width) =>
      memory.read(plainTarget(linearAt(segment, offset, width / 8, false), width / 8), width),
    loadForWrite(segment, offset, width) {
      const linear = linearAt(segment, offset, width / 8, true);
      const access = memory.readForWrite(plainTarget(linear, width / 8), width);
      prepared.set(key(segment, offset, width), access);
      return access.value;
    },
    store(segment, offset, value) {
      const access = prepared.get(key(segment, offset, value.width));
      if (access !== undefined) {
        memory.writePrepared(access, value);
        return;
      }
      const bytes = value.width / 8;
      memory.write(plainTarget(linearAt(segment, offset, bytes, true), bytes), value);
    },
    storeVector(segment, offset, value) {
      const target = plainTarget(linearAt(segment, offset, 16, true), 16);
      memory.writeVector(target, (value as WasmV128).local);
    },
    checkStore(segment, offset, width) {
      memory.checkWrite(linearAt(segment, offset, width / 8, true), width / 8);
    },
    stackLoad,
    stackStore,
    stackAdjust,
    push(value) {
      stackStore(-value.width / 8, value);
      stackAdjust(-value.width / 8);
    },
    pop(width) {
      const value = stackLoad(0, width);
      stackAdjust(width / 8);
      return value;
    },
  };
}
