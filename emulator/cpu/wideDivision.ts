/** Division of 128-bit by 64-bit integers for DIV and IDIV r/m64 (SDM 2A). */
import { raise } from './exceptions';
import { VECTOR_DE } from './layout';

/**
 * Quotient of high:low / divisor; `high` is below `divisor`. Long division by 32-bit digits
 * (Knuth, The Art of Computer Programming 2, algorithm D).
 */
export function divideUnsigned128(high: u64, low: u64, divisor: u64): u64 {
  if (high == 0) return low / divisor;
  const shift = <u64>clz(divisor);
  const normal = divisor << shift;
  const top = normal >> 32;
  const bottom = normal & 0xffffffff;
  let rest = shift ? (high << shift) | (low >> (64 - shift)) : high;
  const digits = low << shift;
  const first = quotientDigit(rest, digits >> 32, top, bottom);
  rest = ((rest << 32) | (digits >> 32)) - first * normal;
  const second = quotientDigit(rest, digits & 0xffffffff, top, bottom);
  return (first << 32) | second;
}

/** One 32-bit digit of (rest:next) / (top:bottom), at most two too large at first. */
function quotientDigit(rest: u64, next: u64, top: u64, bottom: u64): u64 {
  let digit = rest / top;
  let remainder = rest - digit * top;
  while (digit >> 32 != 0 || digit * bottom > ((remainder << 32) | next)) {
    digit--;
    remainder += top;
    if (remainder >> 32 != 0) break;
  }
  return digit;
}

/** Quotient of the signed high:low / divisor, or #DE. */
export function divideSigned128(high: u64, low: u64, divisor: u64): u64 {
  const negative = <i64>(high ^ divisor) < 0;
  if (<i64>high < 0) {
    low = 0 - low;
    high = ~high + u64(low == 0);
  }
  const magnitude = <i64>divisor < 0 ? 0 - divisor : divisor;
  if (high >= magnitude) {
    raise(VECTOR_DE);
    return 0;
  }
  const quotient = divideUnsigned128(high, low, magnitude);
  if (quotient > (negative ? <u64>1 << 63 : ((<u64>1) << 63) - 1)) {
    raise(VECTOR_DE);
    return 0;
  }
  return negative ? 0 - quotient : quotient;
}
