/** Operands, named registers, memory and the stack, printed as AssemblyScript. */
import type { In, Op, Semantics, V128, Val, Width } from '../dsl.ts';
import { Seg } from '../flagRules.ts';
import type { Emitter, PrintedOp, PrintedV128, PrintedVal } from './emitter.ts';

type OperandPart = Pick<
  Semantics,
  | 'read'
  | 'write'
  | 'writeZeroUpper'
  | 'readVector'
  | 'writeVector'
  | 'readAligned'
  | 'writeAligned'
  | 'readXmm'
  | 'writeXmm'
  | 'index'
  | 'selector'
  | 'address'
  | 'segment'
  | 'linear'
  | 'displaced'
  | 'loadAt'
  | 'storeAt'
  | 'checkWrite'
  | 'reg'
  | 'setReg'
  | 'regHigh'
  | 'setRegHigh'
  | 'nextRip'
  | 'currentRip'
  | 'load'
  | 'loadForWrite'
  | 'store'
  | 'storeVector'
  | 'checkStore'
  | 'stackLoad'
  | 'stackStore'
  | 'stackAdjust'
  | 'push'
  | 'pop'
>;

const isWidth = (width: number): width is Width =>
  width === 8 || width === 16 || width === 32 || width === 64;

export function operandOps(e: Emitter): OperandPart {
  const code = (v: Val): string => (v as PrintedVal).code;
  const { variant } = e;
  /** The variant runs in 64-bit mode only, with a 64-bit stack. */
  const is64 =
    variant.form.encoding.modes === 'only64' ||
    (variant.form.encoding.default64 && variant.isSized && variant.size === 64);

  const widthOf = (op: Op): Width => {
    if (!isWidth(op.width)) e.fail(`operand ${op.spec.name} has no integer value`);
    return op.width;
  };
  /** Name of a local holding the register's address. */
  const registerAddress = (op: Op): string => {
    const { source, file, fixed } = op.spec;
    if (source === 'fixed') {
      const number = fixed ?? 0;
      return file === 'xmm'
        ? `CPU + ${e.use('OFF_XMM')} + ${number * 16}`
        : `CPU + ${e.use('OFF_GPR')} + ${number * 8}`;
    }
    const field = e.use(source === 'reg' ? 'REC_REG' : 'REC_RM');
    return e.cached(`register ${field}`, () =>
      e.temporary('usize', `<usize>load<u32>(rec, ${field})`),
    );
  };
  const linearOf = (op: PrintedOp, bytes: number, write: boolean): string =>
    e.cached(`linear ${op.key} ${bytes} ${write}`, () => {
      if (op.offset === undefined) {
        return e.temporary('u64', `${e.use('linearOf')}(rec, ${bytes}, ${write})`);
      }
      return e.temporary(
        'u64',
        `${e.use('linearDisplaced')}(rec, ${op.offset}, ${bytes}, ${write})`,
      );
    });
  const suffix = (width: number): string => (width === 128 ? 'V128' : `U${width}`);
  const narrow = (width: Width, expression: string): string =>
    width === 64 ? expression : `<u32>${expression}`;
  const isRare = variant.form.encoding.rare;
  const valueType = (width: number): string =>
    width === 128 ? 'v128' : width === 64 ? 'u64' : 'u32';
  const hostLoad = (width: number, address: string): string =>
    width === 128 ? `v128.load(${address})` : narrow(width as Width, `load<u${width}>(${address})`);
  const hostStore = (width: number, address: string, value: string): string =>
    width === 128
      ? `v128.store(${address}, ${value})`
      : `store<u${width}>(${address}, <u${width}>(${value}))`;
  const slowRead = (width: number, linear: string, forWrite: boolean): string => {
    const name = forWrite ? 'readForWrite' : 'read';
    if (width === 128) return `${e.use(`${name}V128Slow`)}(${linear})`;
    return narrow(width as Width, `${e.use(`${name}Slow`)}(${linear}, ${width / 8})`);
  };
  const slowWrite = (width: number, linear: string, value: string): string =>
    width === 128
      ? `${e.use('writeV128Slow')}(${linear}, ${value})`
      : `${e.use('writeSlow')}(${linear}, ${value}, ${width / 8})`;
  const probe = (table: string, linear: string, width: number): { entry: string; hit: string } => {
    const entry = e.temporary('usize', `${e.use('tlbEntry')}(${e.use(table)}, ${linear})`);
    return { entry, hit: `${e.use('hits')}(${entry}, ${linear}, ${width / 8 - 1})` };
  };

  /** A read whose fault check is only on the slow path; `forWrite` keeps the host address (or 0). */
  const readAny = (linear: string, width: number, forWrite: boolean, stack: boolean): string => {
    e.mayFault('a memory read');
    if (isRare && width !== 128) {
      const name = e.use(`${forWrite ? 'readForWrite' : 'read'}U${width}Rare`);
      const value = e.temporary(valueType(width), narrow(width as Width, `${name}(${linear})`));
      e.checkFault(stack);
      return value;
    }
    const value = e.uninitialized(valueType(width));
    const host = forWrite ? e.mutable('usize', '0') : undefined;
    const { entry, hit } = probe(forWrite ? 'OFF_TLB_WRITE' : 'OFF_TLB_READ', linear, width);
    const hostOf = `${e.use('hostOf')}(${entry}, ${linear})`;
    e.line(`if (${hit}) {`);
    if (host !== undefined) {
      e.line(`  ${host} = ${hostOf};`);
      e.cached(`host ${linear}`, () => host);
    }
    e.line(`  ${value} = ${hostLoad(width, host ?? hostOf)};`);
    e.line('} else {');
    e.line(`  ${value} = ${slowRead(width, linear, forWrite)};`);
    e.indented(() => e.checkFault(stack));
    e.line('}');
    return value;
  };
  const readMemory = (
    linear: string,
    width: Width,
    forWrite: boolean,
    stack = false,
  ): PrintedVal => ({
    kind: 'val',
    width,
    code: readAny(linear, width, forWrite, stack),
  });
  const writeMemory = (linear: string, width: number, value: string, stack = false): void => {
    e.mayFault('a memory write');
    if (isRare && width !== 128) {
      e.line(`${e.use(`writeU${width}Rare`)}(${linear}, ${value});`);
      e.checkFault(stack);
    } else {
      const { entry, hit } = probe('OFF_TLB_WRITE', linear, width);
      e.line(`if (${hit}) {`);
      e.line(`  ${hostStore(width, `${e.use('hostOf')}(${entry}, ${linear})`, value)};`);
      e.line('} else {');
      e.line(`  ${slowWrite(width, linear, value)};`);
      e.indented(() => e.checkFault(stack));
      e.line('}');
    }
    e.wrote();
  };
  /** A write whose permission was checked by a read before. */
  const writeChecked = (linear: string, width: number, value: string): void => {
    if (e.isCached(`host ${linear}`)) {
      const host = e.cached(`host ${linear}`, () => '');
      e.line(`if (${host}) ${hostStore(width, host, value)};`);
      e.line(`else ${slowWrite(width, linear, value)};`);
    } else {
      const rare = isRare && width !== 128 ? 'Rare' : '';
      e.line(`${e.use(`write${suffix(width)}${rare}`)}(${linear}, ${value});`);
    }
    e.wrote();
  };

  const storeGpr = (address: string, width: Width, value: PrintedVal): void => {
    if (width >= 32) e.line(`store<u64>(${address}, ${e.asU64(value)});`);
    else e.line(`store<u${width}>(${address}, <u${width}>(${value.code}));`);
    e.forget('value ');
    e.wrote();
  };

  const read = (op: Op): Val => {
    const width = widthOf(op);
    const { spec } = op;
    if (op.isMemory) {
      const printed = op as PrintedOp;
      const key = `memory ${printed.key} ${width}`;
      const name = e.cached(key, () => {
        const forWrite = printed.access === 'rw';
        const linear = linearOf(printed, width / 8, forWrite);
        if (forWrite) e.cached(`checked ${printed.key}`, () => linear);
        return readMemory(linear, width, forWrite).code;
      });
      return { kind: 'val', width, code: name } as PrintedVal;
    }
    switch (spec.source) {
      case 'imm':
      case 'far':
        return e.val(
          width,
          width === 64
            ? `load<u64>(rec, ${e.use('REC_IMM')})`
            : `<u32>load<u${width}>(rec, ${e.use('REC_IMM')}${immediateShift(op)})`,
        );
      case 'fixed':
        if (spec.file === 'none') return e.constant(spec.fixed ?? 0, width);
        break;
      default:
    }
    if (!['gpr', 'mmx', 'xmm'].includes(spec.file)) e.fail(`${spec.name}: use s.index`);
    const load = width === 64 ? 'load<u64>' : `load<u${width}>`;
    return e.val(width, narrow(width, `${load}(${registerAddress(op)})`));
  };

  /** A second immediate (ENTER's imm8) lies behind the first in the field. */
  const immediateShift = (op: Op): string => {
    const immediates = variant.form.operands.filter((o) => o.spec.source === 'imm');
    return immediates.length > 1 && immediates[1]?.spec === op.spec ? ' + 4' : '';
  };

  const write = (op: Op, value: In): void => {
    const width = widthOf(op);
    const printed = e.in(value, width);
    if (op.isMemory) {
      const target = op as PrintedOp;
      const wasRead = target.access === 'rw' && e.isCached(`checked ${target.key}`);
      const linear = linearOf(target, width / 8, true);
      if (wasRead) writeChecked(linear, width, e.asU64(printed));
      else writeMemory(linear, width, e.asU64(printed));
      e.forget(`memory ${target.key}`);
      return;
    }
    const address = registerAddress(op);
    if (op.spec.file === 'gpr') storeGpr(address, width, printed);
    else if (op.spec.file === 'mmx') {
      e.line(`store<u64>(${address}, ${e.asU64(printed)});`);
      e.line(`store<u16>(${address}, 0xffff, 8);`);
      e.wrote();
    } else if (op.spec.file === 'xmm') {
      e.line(`store<u${width}>(${address}, <u${width}>(${printed.code}));`);
      e.wrote();
    } else e.fail(`${op.spec.name} cannot be written`);
  };

  const aligned = (linear: string): void => {
    e.mayFault('an alignment check');
    e.line(`if (<u32>${linear} & 15) { ${e.use('alignmentFault')}(); return 1; }`);
  };
  const readVector = (op: Op, checkAlignment: boolean): V128 => {
    if (!op.isMemory) return e.v128(`v128.load(${registerAddress(op)})`);
    const target = op as PrintedOp;
    const forWrite = target.access === 'rw';
    const linear = linearOf(target, 16, forWrite);
    if (checkAlignment) aligned(linear);
    const value: PrintedV128 = { kind: 'v128', code: readAny(linear, 128, forWrite, false) };
    if (forWrite) e.cached(`checked ${target.key}`, () => linear);
    return value;
  };
  const writeVector = (op: Op, value: V128, checkAlignment: boolean): void => {
    const printed = (value as PrintedV128).code;
    if (!op.isMemory) {
      e.line(`v128.store(${registerAddress(op)}, ${printed});`);
      e.wrote();
      return;
    }
    const linear = linearOf(op as PrintedOp, 16, true);
    if (checkAlignment) aligned(linear);
    writeMemory(linear, 128, printed);
  };

  const displaced = (op: Op, offset: In, width: number, access: 'r' | 'w' | 'rw'): PrintedOp => {
    if (!op.isMemory) e.fail('displaced() of a register');
    const base = op as PrintedOp;
    const own = e.asU64(offset);
    const total = base.offset === undefined ? own : `${base.offset} + ${own}`;
    return { ...base, width, access, offset: total, key: `${base.spec.name}+${total}` };
  };

  const segmentOf = (segment: number | 'ds'): string =>
    segment === 'ds' ? `<u32>load<u8>(rec, ${e.use('REC_SEGMENT')})` : `${segment}`;
  const linearAt = (segment: number | 'ds', offset: Val, bytes: number, write: boolean): string => {
    if (offset.width === 8) e.fail('an offset has 16, 32 or 64 bits');
    if (offset.width === 64 && variant.addressSize === 64) {
      if (segment !== 'ds' && segment < Seg.FS) return code(offset);
      return e.temporary(
        'u64',
        `${e.use('segmentLinear64')}(${segmentOf(segment)}, ${code(offset)})`,
      );
    }
    const name = e.use('segmentLinear');
    return e.temporary(
      'u64',
      `${name}(${segmentOf(segment)}, ${e.asU64(offset)}, ${bytes}, ${write})`,
    );
  };

  const stackAt = (offset: number, bytes: number, isWrite: boolean): string => {
    if (is64) {
      const rsp = `load<u64>(CPU, ${e.use('OFF_GPR')} + 0x20)`;
      return e.temporary('u64', offset === 0 ? rsp : `${rsp} + <u64>${offset}`);
    }
    return e.temporary('u64', `${e.use('stackLinear')}(${offset}, ${bytes}, ${isWrite})`);
  };
  const stackLoad = (offset: number, width: Width): Val =>
    readMemory(stackAt(offset, width / 8, false), width, false, true);
  const stackStore = (offset: number, value: Val): void =>
    writeMemory(stackAt(offset, value.width / 8, true), value.width, e.asU64(value), true);
  const stackAdjust = (delta: In): void => {
    const amount = typeof delta === 'object' ? `<i64>(${e.asU64(delta)})` : `<i64>${delta}`;
    if (is64) {
      const at = `${e.use('OFF_GPR')} + 0x20`;
      e.line(`store<u64>(CPU, load<u64>(CPU, ${at}) + <u64>(${amount}), ${at});`);
    } else e.line(`${e.use('stackAdjust')}(${amount});`);
    e.wrote();
  };
  const gprAt = (number: number, byte = 0): string =>
    `${e.use('OFF_GPR')} + 0x${(number * 8 + byte).toString(16)}`;

  return {
    read,
    write,
    writeZeroUpper(op, value) {
      const address = registerAddress(op);
      if (op.isMemory || op.spec.file !== 'xmm') e.fail('writeZeroUpper is for XMM registers');
      e.line(`store<u64>(${address}, ${e.asU64(value)});`);
      e.line(`store<u64>(${address}, 0, 8);`);
      e.wrote();
    },
    readVector: (op) => readVector(op, false),
    writeVector: (op, value) => writeVector(op, value, false),
    readAligned: (op) => readVector(op, true),
    writeAligned: (op, value) => writeVector(op, value, true),
    readXmm: (number) => e.v128(`v128.load(CPU, ${e.use('OFF_XMM')} + ${number * 16})`),
    writeXmm(number, value) {
      e.line(
        `v128.store(CPU, ${(value as PrintedV128).code}, ${e.use('OFF_XMM')} + ${number * 16});`,
      );
      e.wrote();
    },
    index(op) {
      if (op.isMemory) e.fail('index() of a memory operand');
      const { source, file } = op.spec;
      const field = e.use(source === 'reg' ? 'REC_REG' : 'REC_RM');
      if (['segment', 'control', 'debug', 'x87'].includes(file)) {
        return e.val(32, `load<u32>(rec, ${field})`);
      }
      const start = file === 'xmm' ? 'OFF_XMM' : file === 'mmx' ? 'OFF_X87' : 'OFF_GPR';
      const shift = file === 'gpr' ? 3 : 4;
      return e.val(32, `(load<u32>(rec, ${field}) - <u32>CPU - ${e.use(start)}) >> ${shift}`);
    },
    selector: () => e.val(16, `<u32>load<u16>(rec, ${e.use('REC_IMM')} + 4)`),
    address: (op) => {
      const target = op as PrintedOp;
      if (target.offset !== undefined) e.fail('address() of a displaced operand');
      return e.val(64, `${e.use('effectiveAddress')}(rec)`);
    },
    segment: () => e.val(32, `<u32>load<u8>(rec, ${e.use('REC_SEGMENT')})`),
    linear(op, bytes, isWrite) {
      e.mayFault('a segment check');
      const linear = linearOf(op as PrintedOp, bytes, isWrite);
      e.checkFault();
      return { kind: 'val', width: 64, code: linear } as PrintedVal;
    },
    displaced,
    loadAt: (op, offset, width) => read(displaced(op, offset, width, 'r')),
    storeAt: (op, offset, value) => write(displaced(op, offset, value.width, 'w'), value),
    checkWrite(op) {
      if (!op.isMemory) return;
      const linear = linearOf(op as PrintedOp, op.width / 8, true);
      e.mayFault('a write check');
      e.line(`${e.use('probeWrite')}(${linear}, ${op.width / 8});`);
      e.checkFault();
      e.cached(`checked ${(op as PrintedOp).key}`, () => linear);
    },
    reg: (number, width) => e.val(width, narrow(width, `load<u${width}>(CPU, ${gprAt(number)})`)),
    setReg(number, value) {
      const printed = value as PrintedVal;
      const width = value.width;
      if (width >= 32) e.line(`store<u64>(CPU, ${e.asU64(value)}, ${gprAt(number)});`);
      else e.line(`store<u${width}>(CPU, <u${width}>(${printed.code}), ${gprAt(number)});`);
      e.wrote();
    },
    regHigh: (number) => e.val(8, `<u32>load<u8>(CPU, ${gprAt(number, 1)})`),
    setRegHigh(number, value) {
      e.line(`store<u8>(CPU, <u8>(${e.in(value, 8).code}), ${gprAt(number, 1)});`);
      e.wrote();
    },
    nextRip() {
      const next = `${e.use('rip')}() + <u64>load<u16>(rec, ${e.use('REC_NEXT')})`;
      return e.val(64, is64 ? next : `${e.use('truncatedRip')}(${next})`);
    },
    currentRip: () => e.val(64, `${e.use('rip')}() + <u64>load<u16>(rec, ${e.use('REC_START')})`),
    load: (segment, offset, width) =>
      readMemory(linearAt(segment, offset, width / 8, false), width, false),
    loadForWrite(segment, offset, width) {
      const linear = linearAt(segment, offset, width / 8, true);
      const value = readMemory(linear, width, true);
      e.cached(`store ${segment} ${code(offset)} ${width}`, () => linear);
      return value;
    },
    store(segment, offset, value) {
      const key = `store ${segment} ${code(offset)} ${value.width}`;
      if (e.isCached(key)) {
        writeChecked(
          e.cached(key, () => ''),
          value.width,
          e.asU64(value),
        );
      } else {
        const linear = linearAt(segment, offset, value.width / 8, true);
        writeMemory(linear, value.width, e.asU64(value));
      }
    },
    storeVector: (segment, offset, value) =>
      writeMemory(linearAt(segment, offset, 16, true), 128, (value as PrintedV128).code),
    checkStore(segment, offset, width) {
      const linear = linearAt(segment, offset, width / 8, true);
      e.mayFault('a write check');
      e.line(`${e.use('probeWrite')}(${linear}, ${width / 8});`);
      e.checkFault();
      e.cached(`store ${segment} ${code(offset)} ${width}`, () => linear);
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
