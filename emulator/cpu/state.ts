/** Accessors of the state block. The layout is in layout.ts. */
import {
  OFF_CPL,
  OFF_FAULT,
  OFF_GPR,
  OFF_MODE,
  OFF_PENDING,
  OFF_REGION_LIMIT,
  OFF_RIP,
  OFF_SEG,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  SEG_SIZE,
} from './layout';

/** Address of this vCPU's state block. */
@external("host", "CPU")
export declare const CPU: usize;

@inline
export function faulted(): bool {
  return load<u32>(CPU, OFF_FAULT) != 0;
}

/** Bits of PENDING. If there are any, translated code leaves at its next look at the slice's end. */
@inline
export function setPending(bits: u32): void {
  store<u32>(CPU, bits, OFF_PENDING);
  if (bits) store<i32>(CPU, i32.MIN_VALUE, OFF_REGION_LIMIT);
}

@inline
export function gpr(index: i32): u64 {
  return load<u64>(CPU + (<usize>index << 3), OFF_GPR);
}

@inline
export function setGpr(index: i32, value: u64): void {
  store<u64>(CPU + (<usize>index << 3), value, OFF_GPR);
}

/** Writes as an operand of `size` bytes does: 4 zero-extends, 2 merges. */
export function setGprSized(index: i32, value: u64, size: i32): void {
  if (size == 8) setGpr(index, value);
  else if (size == 4) setGpr(index, value & 0xffffffff);
  else store<u16>(CPU + (<usize>index << 3), <u16>value, OFF_GPR);
}

@inline
export function rip(): u64 {
  return load<u64>(CPU, OFF_RIP);
}

@inline
export function setRip(value: u64): void {
  store<u64>(CPU, value, OFF_RIP);
}

@inline
export function mode(): u32 {
  return load<u32>(CPU, OFF_MODE);
}

@inline
export function cpl(): u32 {
  return load<u32>(CPU, OFF_CPL);
}

@inline
export function segment(index: i32): usize {
  return CPU + OFF_SEG + <usize>index * SEG_SIZE;
}

@inline
export function segmentBase(index: i32): u64 {
  return load<u64>(segment(index), SEG_BASE);
}

@inline
export function segmentLimit(index: i32): u32 {
  return load<u32>(segment(index), SEG_LIMIT);
}

@inline
export function segmentAttributes(index: i32): u32 {
  return load<u32>(segment(index), SEG_ATTR);
}

@inline
export function segmentSelector(index: i32): u32 {
  return load<u32>(segment(index), SEG_SELECTOR);
}

export function setSegment(index: i32, selector: u32, base: u64, limit: u32, attributes: u32): void {
  const at = segment(index);
  store<u64>(at, base, SEG_BASE);
  store<u32>(at, limit, SEG_LIMIT);
  store<u32>(at, attributes, SEG_ATTR);
  store<u32>(at, selector, SEG_SELECTOR);
}
