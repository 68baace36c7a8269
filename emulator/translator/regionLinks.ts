/**
 * The start and the end of a region's function. It leaves its registers in the state block and its flags in whatever form they
 * are, looks up RIP in the table of jumps (cpu/layout.ts, OFF_JUMPS64) and calls the region that is there in its place. It returns to the core if there is
 * none, after a fault, and when the slice is over or an event waits. Regions that died are found out by themselves: their life is 0.
 */
import {
  JUMPS_FACTOR,
  JUMP_WAYS,
  OFF_FLAG_CARRY,
  OFF_FLAG_FORM,
  OFF_FLAG_FORM_A,
  OFF_FLAG_FORM_B,
  OFF_FLAG_FORM_RESULT,
  OFF_FLAG_RESULT,
  OFF_JUMPS32,
  OFF_JUMPS64,
  OFF_REGION_CURRENT,
  OFF_REGION_FROM,
  OFF_REGION_LIFE,
  OFF_REGION_LIMIT,
  OFF_REGION_RETIRED,
  OFF_RIP,
  OFF_TLB_CONTEXT,
  OFF_TLB_GLOBAL_CONTEXT,
} from '../cpu/layout.ts';
import { storedCode } from './flagForms.ts';
import { FunctionBuilder } from './functionBuilder.ts';
import { regionExit, type RegionFrame } from './regionFrame.ts';
import type { WasmModule } from './wasmModule.ts';
import { Op, ValueType, blockVoid } from './wasmOpcodes.ts';

/** Indices of functions of the module that regions leave by; they are shared, so that a region has nothing that all ways out come to. */
export interface RegionExits {
  readonly leaveFunction: number;
  /** Back to the core. */
  readonly returnFunction: number;
  readonly storeDynamic: number;
}

/** Counts the entry; goes back to the core, with everything as it came, if the region has died or is to grow. */
export function openRegion(f: RegionFrame, region: number): void {
  const { b, cpu } = f;
  const life = cpu + OFF_REGION_LIFE + 4 * region;
  const left = b.permanent(ValueType.i32);
  b.i32(0);
  b.i32(0);
  b.memory(Op.i32Load, life);
  b.i32(1);
  b.integer('sub', 32);
  b.teeLocal(left);
  b.memory(Op.i32Store, life);
  b.getLocal(left);
  b.i32(0);
  b.integer('ltS', 32);
  b.hinted(Op.if, false);
  b.op(blockVoid);
  storeRetired(b, cpu, f.retired);
  b.i32(regionExit.normal);
  b.op(Op.return);
  b.op(Op.end);
  b.i32(0);
  b.i32(region);
  b.memory(Op.i32Store, cpu + OFF_REGION_CURRENT);
}

/** Adds to the module what the regions of one width leave by. */
export function addRegionExits(
  module: WasmModule,
  cpu: number,
  is64: boolean,
  regionType: number,
): RegionExits {
  return {
    leaveFunction: addLeave(module, cpu, is64, regionType),
    returnFunction: addReturn(module, cpu),
    storeDynamic: addStoreDynamic(module, cpu, is64),
  };
}

/**
 * V8 puts a copy of what is not larger than this into hot callers (--wasm-inlining-max-size): every way out would be as long as the function,
 * which costs more cache misses than the calls.
 */
const inlinedBytes = 500;

/**
 * (RIP, instructions retired, block whose indirect jump led there or 0) -> regionExit; registers and flags are stored. Goes on in the region that is
 * there, or returns to the core.
 */
function addLeave(module: WasmModule, cpu: number, is64: boolean, regionType: number): number {
  const parameters = [ValueType.i64, ValueType.i32, ValueType.i32];
  const [rip, retired, from] = [0, 1, 2] as const;
  const b = new FunctionBuilder(parameters.length);
  // A region that has died, or is to grow, returns at once with these.
  b.i32(0);
  b.getLocal(from);
  b.memory(Op.i32Store, cpu + OFF_REGION_FROM);
  storeRip(b, cpu, rip);
  b.getLocal(retired);
  b.i32(0);
  b.memory(Op.i32Load, cpu + OFF_REGION_LIMIT);
  b.integer('ltS', 32);
  b.hinted(Op.if, true);
  b.op(blockVoid);
  link(b, cpu, is64, rip, retired, regionType);
  b.op(Op.end);
  storeRetired(b, cpu, retired);
  b.i32(regionExit.normal);
  b.op(Op.return);
  for (let i = 0; i < inlinedBytes; i++) b.op(Op.nop);
  b.op(Op.unreachable);
  b.op(Op.end);
  const type = module.type({ parameters, results: [ValueType.i32] });
  return module.addFunction({
    type,
    locals: b.locals,
    code: b.code.toUint8Array(),
    hints: b.hints,
  });
}

/** (RIP, instructions retired, regionExit) -> regionExit */
function addReturn(module: WasmModule, cpu: number): number {
  const parameters = [ValueType.i64, ValueType.i32, ValueType.i32];
  const [rip, retired, code] = [0, 1, 2] as const;
  const b = new FunctionBuilder(parameters.length);
  b.i32(0);
  b.i32(0);
  b.memory(Op.i32Store, cpu + OFF_REGION_FROM);
  storeRip(b, cpu, rip);
  storeRetired(b, cpu, retired);
  b.getLocal(code);
  b.op(Op.end);
  const type = module.type({ parameters, results: [ValueType.i32] });
  return module.addFunction({ type, locals: b.locals, code: b.code.toUint8Array() });
}

/** (form's number, GuestState.flagLocals): stores the form and its operands, unless they are in memory. */
function addStoreDynamic(module: WasmModule, cpu: number, is64: boolean): number {
  const { i32, i64 } = ValueType;
  const parameters = [i32, i32, i32, i32, ...(is64 ? [i64, i64, i64] : []), i64, i64];
  const b = new FunctionBuilder(parameters.length);
  const number = 0;
  const words = parameters.length - 2;
  const store = (locals: readonly number[], opcode: number, offsets: readonly number[]): void => {
    for (const [i, local] of locals.entries()) {
      b.i32(0);
      b.getLocal(local);
      b.memory(opcode, cpu + offsets[i]!);
    }
  };
  const operands = [OFF_FLAG_FORM_RESULT, OFF_FLAG_FORM_A, OFF_FLAG_FORM_B];
  b.getLocal(number);
  b.i32(storedCode);
  b.integer('eq', 32);
  b.op(Op.if);
  b.op(blockVoid);
  b.op(Op.return);
  b.op(Op.end);
  store([number], Op.i32Store, [OFF_FLAG_FORM]);
  b.getLocal(number);
  b.op(Op.i32Eqz);
  b.op(Op.if);
  b.op(blockVoid);
  store([words, words + 1], Op.i64Store, [OFF_FLAG_CARRY, OFF_FLAG_RESULT]);
  b.op(Op.return);
  b.op(Op.end);
  if (is64) {
    b.getLocal(number);
    b.i32(3);
    b.integer('and', 32);
    b.op(Op.i32Eqz);
    b.op(Op.if);
    b.op(blockVoid);
    store([4, 5, 6], Op.i64Store, operands);
    b.op(Op.return);
    b.op(Op.end);
  }
  store([1, 2, 3], Op.i32Store, operands);
  b.op(Op.end);
  const type = module.type({ parameters, results: [] });
  return module.addFunction({ type, locals: b.locals, code: b.code.toUint8Array() });
}

function storeRip(b: FunctionBuilder, cpu: number, rip: number): void {
  b.i32(0);
  b.getLocal(rip);
  b.memory(Op.i64Store, cpu + OFF_RIP);
}

function storeRetired(b: FunctionBuilder, cpu: number, retired: number): void {
  b.i32(0);
  b.getLocal(retired);
  b.memory(Op.i32Store, cpu + OFF_REGION_RETIRED);
}

/** Calls the region that the table has for RIP, if there is one. */
function link(
  b: FunctionBuilder,
  cpu: number,
  is64: boolean,
  rip: number,
  retired: number,
  regionType: number,
): void {
  const jumps = cpu + (is64 ? OFF_JUMPS64 : OFF_JUMPS32);
  const low = b.permanent(ValueType.i32);
  const at = b.permanent(ValueType.i32);
  const context = b.permanent(ValueType.i64);
  b.code.bytes([Op.block, blockVoid]);
  b.getLocal(rip);
  b.op(Op.i32WrapI64);
  b.teeLocal(low);
  b.i32(JUMPS_FACTOR | 0);
  b.integer('mul', 32);
  b.i32(20);
  b.integer('shrU', 32);
  b.i32(0xff0);
  b.integer('and', 32);
  b.getLocal(low);
  b.i32(0x3f000);
  b.integer('and', 32);
  b.integer('or', 32);
  b.setLocal(at);
  b.code.bytes([Op.block, blockVoid]);
  for (let way = 0; way < JUMP_WAYS; way += 16) {
    b.getLocal(at);
    if (way > 0) {
      // From one to the next by the bits that differ.
      b.i32(way ^ (way - 16));
      b.integer('xor', 32);
      b.teeLocal(at);
    }
    b.memory(Op.i64Load, jumps);
    b.getLocal(rip);
    b.integer('xor', 64);
    b.i64(12);
    b.integer('rotl', 64);
    b.teeLocal(context);
    for (const offset of [OFF_TLB_CONTEXT, OFF_TLB_GLOBAL_CONTEXT]) {
      if (offset !== OFF_TLB_CONTEXT) b.getLocal(context);
      b.i32(0);
      b.memory(Op.i64Load, cpu + offset);
      b.integer('eq', 64);
      b.op(Op.brIf);
      b.code.u32(0);
    }
  }
  b.op(Op.br);
  b.code.u32(1);
  b.op(Op.end);
  b.getLocal(at);
  b.memory(Op.i32Load, jumps + 8);
  b.teeLocal(low);
  b.i32(0xff);
  b.integer('and', 32);
  b.getLocal(rip);
  b.getLocal(at);
  b.memory(Op.i32Load, jumps + 12);
  b.op(Op.i64ExtendI32S);
  b.integer('sub', 64);
  b.getLocal(retired);
  b.getLocal(low);
  b.i32(8);
  b.integer('shrU', 32);
  b.op(Op.returnCallIndirect);
  b.code.u32(regionType);
  b.code.u32(0);
  b.op(Op.end);
}
