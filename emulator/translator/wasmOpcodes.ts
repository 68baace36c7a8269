/** Opcodes of WebAssembly 2.0 with threads and tail calls (core specification §5.4), as far as emitted. */

export const ValueType = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];
/** Block type without results. */
export const blockVoid = 0x40;

export const Op = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  i64Load: 0x29,
  i32Load8U: 0x2d,
  i32Load16U: 0x2f,
  i64Load32U: 0x35,
  i32Store: 0x36,
  i64Store: 0x37,
  i32Store8: 0x3a,
  i32Store16: 0x3b,
  i64Store32: 0x3e,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i64Eqz: 0x50,
  i32WrapI64: 0xa7,
  i64ExtendI32S: 0xac,
  i64ExtendI32U: 0xad,
  f32Const: 0x43,
  f64Const: 0x44,
  f32DemoteF64: 0xb6,
  f64PromoteF32: 0xbb,
  i32Extend8S: 0xc0,
  i32Extend16S: 0xc1,
  simdPrefix: 0xfd,
  miscPrefix: 0xfc,
} as const;

/** Integer operators that exist for i32 and i64, as [i32, i64]. */
export const IntegerOp = {
  eq: [0x46, 0x51],
  ne: [0x47, 0x52],
  ltS: [0x48, 0x53],
  ltU: [0x49, 0x54],
  gtS: [0x4a, 0x55],
  gtU: [0x4b, 0x56],
  leS: [0x4c, 0x57],
  leU: [0x4d, 0x58],
  geS: [0x4e, 0x59],
  geU: [0x4f, 0x5a],
  clz: [0x67, 0x79],
  ctz: [0x68, 0x7a],
  popcnt: [0x69, 0x7b],
  add: [0x6a, 0x7c],
  sub: [0x6b, 0x7d],
  mul: [0x6c, 0x7e],
  divS: [0x6d, 0x7f],
  divU: [0x6e, 0x80],
  remS: [0x6f, 0x81],
  remU: [0x70, 0x82],
  and: [0x71, 0x83],
  or: [0x72, 0x84],
  xor: [0x73, 0x85],
  shl: [0x74, 0x86],
  shrS: [0x75, 0x87],
  shrU: [0x76, 0x88],
  rotl: [0x77, 0x89],
  rotr: [0x78, 0x8a],
} as const;
export type IntegerOp = keyof typeof IntegerOp;

/** Float operators that exist for f32 and f64, as [f32, f64]. */
export const FloatOp = {
  eq: [0x5b, 0x61],
  ne: [0x5c, 0x62],
  lt: [0x5d, 0x63],
  gt: [0x5e, 0x64],
  le: [0x5f, 0x65],
  ge: [0x60, 0x66],
  abs: [0x8b, 0x99],
  nearest: [0x90, 0x9e],
  sqrt: [0x91, 0x9f],
  add: [0x92, 0xa0],
  sub: [0x93, 0xa1],
  mul: [0x94, 0xa2],
  div: [0x95, 0xa3],
  convertI32: [0xb2, 0xb7],
  convertI64: [0xb4, 0xb9],
  /** From and to the integer of the same width. */
  fromBits: [0xbe, 0xbf],
  toBits: [0xbc, 0xbd],
} as const;
export type FloatOp = keyof typeof FloatOp;

const comparisons = ['eq', 'ne', 'lt_s', 'lt_u', 'gt_s', 'gt_u', 'le_s', 'le_u', 'ge_s', 'ge_u'];
const floatComparisons = ['eq', 'ne', 'lt', 'gt', 'le', 'ge'];
const byShape = (shape: string, names: readonly string[], first: number): [string, number][] =>
  names.map((name, i) => [`${shape}.${name}`, first + i]);

/** Vector operators without immediates, by their text names (after the prefix 0xfd). */
export const simdOpcodes: ReadonlyMap<string, number> = new Map([
  ...byShape('i8x16', comparisons, 0x23),
  ...byShape('i16x8', comparisons, 0x2d),
  ...byShape('i32x4', comparisons, 0x37),
  ...byShape('f32x4', floatComparisons, 0x41),
  ...byShape('f64x2', floatComparisons, 0x47),
  ...byShape('v128', ['not', 'and', 'andnot', 'or', 'xor', 'bitselect', 'any_true'], 0x4d),
  ['i8x16.swizzle', 0x0e],
  ['f32x4.demote_f64x2_zero', 0x5e],
  ['f64x2.promote_low_f32x4', 0x5f],
  ...byShape(
    'i8x16',
    ['abs', 'neg', 'popcnt', 'all_true', 'bitmask', 'narrow_i16x8_s', 'narrow_i16x8_u'],
    0x60,
  ),
  ...byShape('f32x4', ['ceil', 'floor', 'trunc', 'nearest'], 0x67),
  ...byShape(
    'i8x16',
    [
      ...['shl', 'shr_s', 'shr_u', 'add', 'add_sat_s', 'add_sat_u'],
      ...['sub', 'sub_sat_s', 'sub_sat_u'],
    ],
    0x6b,
  ),
  ...byShape('f64x2', ['ceil', 'floor'], 0x74),
  ...byShape('i8x16', ['min_s', 'min_u', 'max_s', 'max_u'], 0x76),
  ['f64x2.trunc', 0x7a],
  ['i8x16.avgr_u', 0x7b],
  ['i16x8.extadd_pairwise_i8x16_s', 0x7c],
  ['i16x8.extadd_pairwise_i8x16_u', 0x7d],
  ['i32x4.extadd_pairwise_i16x8_s', 0x7e],
  ['i32x4.extadd_pairwise_i16x8_u', 0x7f],
  ...byShape(
    'i16x8',
    [
      ...['abs', 'neg', 'q15mulr_sat_s', 'all_true', 'bitmask', 'narrow_i32x4_s', 'narrow_i32x4_u'],
      ...['extend_low_i8x16_s', 'extend_high_i8x16_s', 'extend_low_i8x16_u', 'extend_high_i8x16_u'],
      ...['shl', 'shr_s', 'shr_u', 'add', 'add_sat_s', 'add_sat_u'],
      ...['sub', 'sub_sat_s', 'sub_sat_u'],
    ],
    0x80,
  ),
  ['f64x2.nearest', 0x94],
  ...byShape('i16x8', ['mul', 'min_s', 'min_u', 'max_s', 'max_u'], 0x95),
  ['i16x8.avgr_u', 0x9b],
  ...byShape(
    'i16x8',
    ['extmul_low_i8x16_s', 'extmul_high_i8x16_s', 'extmul_low_i8x16_u', 'extmul_high_i8x16_u'],
    0x9c,
  ),
  ...byShape('i32x4', ['abs', 'neg'], 0xa0),
  ...byShape('i32x4', ['all_true', 'bitmask'], 0xa3),
  ...byShape(
    'i32x4',
    [
      ...['extend_low_i16x8_s', 'extend_high_i16x8_s', 'extend_low_i16x8_u', 'extend_high_i16x8_u'],
      ...['shl', 'shr_s', 'shr_u', 'add'],
    ],
    0xa7,
  ),
  ['i32x4.sub', 0xb1],
  ...byShape('i32x4', ['mul', 'min_s', 'min_u', 'max_s', 'max_u', 'dot_i16x8_s'], 0xb5),
  ...byShape(
    'i32x4',
    ['extmul_low_i16x8_s', 'extmul_high_i16x8_s', 'extmul_low_i16x8_u', 'extmul_high_i16x8_u'],
    0xbc,
  ),
  ...byShape('i64x2', ['abs', 'neg'], 0xc0),
  ...byShape('i64x2', ['all_true', 'bitmask'], 0xc3),
  ...byShape(
    'i64x2',
    [
      ...['extend_low_i32x4_s', 'extend_high_i32x4_s', 'extend_low_i32x4_u', 'extend_high_i32x4_u'],
      ...['shl', 'shr_s', 'shr_u', 'add'],
    ],
    0xc7,
  ),
  ['i64x2.sub', 0xd1],
  ...byShape('i64x2', ['mul', 'eq', 'ne', 'lt_s', 'gt_s', 'le_s', 'ge_s'], 0xd5),
  ...byShape(
    'i64x2',
    ['extmul_low_i32x4_s', 'extmul_high_i32x4_s', 'extmul_low_i32x4_u', 'extmul_high_i32x4_u'],
    0xdc,
  ),
  ...byShape('f32x4', ['abs', 'neg'], 0xe0),
  ...byShape('f32x4', ['sqrt', 'add', 'sub', 'mul', 'div', 'min', 'max', 'pmin', 'pmax'], 0xe3),
  ...byShape('f64x2', ['abs', 'neg'], 0xec),
  ...byShape('f64x2', ['sqrt', 'add', 'sub', 'mul', 'div', 'min', 'max', 'pmin', 'pmax'], 0xef),
  ['i32x4.trunc_sat_f32x4_s', 0xf8],
  ['i32x4.trunc_sat_f32x4_u', 0xf9],
  ['f32x4.convert_i32x4_s', 0xfa],
  ['f32x4.convert_i32x4_u', 0xfb],
  ['i32x4.trunc_sat_f64x2_s_zero', 0xfc],
  ['i32x4.trunc_sat_f64x2_u_zero', 0xfd],
  ['f64x2.convert_low_i32x4_s', 0xfe],
  ['f64x2.convert_low_i32x4_u', 0xff],
]);

/** Lane access: [splat, extract (unsigned for narrow lanes), replace]. */
export const laneOpcodes = {
  i8x16: [0x0f, 0x16, 0x17],
  i16x8: [0x10, 0x19, 0x1a],
  i32x4: [0x11, 0x1b, 0x1c],
  i64x2: [0x12, 0x1d, 0x1e],
  f32x4: [0x13, 0x1f, 0x20],
  f64x2: [0x14, 0x21, 0x22],
} as const;
export const SimdOp = { load: 0x00, store: 0x0b, const: 0x0c, shuffle: 0x0d } as const;
