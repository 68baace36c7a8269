/** Shuffles whose pattern is an immediate (SDM 2B PSHUFD, PSHUFLW, PSHUFHW, SHUFPS), through wasm's swizzle. */

/** Byte indices of doubleword `i`. */
@inline
function doubleword(i: u32): u32 {
  return (i & 3) * 0x04040404 + 0x03020100;
}

/** Byte indices of four words picked by an immediate. */
@inline
function words(immediate: u32): u64 {
  const low = (immediate & 3) | ((immediate & 0x0c) << 14);
  const high = ((immediate >> 4) & 3) | ((immediate & 0xc0) << 10);
  return (u64(low) | (u64(high) << 32)) * 0x0202 + 0x0100010001000100;
}

@inline
function indices(i0: u32, i1: u32, i2: u32, i3: u32): v128 {
  const low = u64(doubleword(i0)) | (u64(doubleword(i1)) << 32);
  const high = u64(doubleword(i2)) | (u64(doubleword(i3)) << 32);
  return i64x2.replace_lane(i64x2.splat(low), 1, high);
}

export function shuffleDoublewords(v: v128, immediate: u32): v128 {
  return i8x16.swizzle(v, indices(immediate, immediate >> 2, immediate >> 4, immediate >> 6));
}

export function shuffleLowWords(v: v128, immediate: u32): v128 {
  return i8x16.swizzle(v, i64x2.replace_lane(i64x2.splat(0x0f0e0d0c0b0a0908), 0, words(immediate)));
}

export function shuffleHighWords(v: v128, immediate: u32): v128 {
  return i8x16.swizzle(
    v,
    i64x2.replace_lane(i64x2.splat(0x0706050403020100), 1, words(immediate) + 0x0808080808080808),
  );
}

export function shufPs(a: v128, b: v128, immediate: u32): v128 {
  const low = i8x16.swizzle(a, indices(immediate, immediate >> 2, 0, 0));
  const high = i8x16.swizzle(b, indices(0, 0, immediate >> 4, immediate >> 6));
  return i8x16.shuffle(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31);
}
