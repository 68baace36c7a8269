/** Colours of the attribute controller and the DAC as RGBA pixels (red in the low byte). */
import type { RegisterState } from './vgaRegisters.ts';

export const rgba = (red: number, green: number, blue: number): number =>
  (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;

/** Six bits spread over eight. */
const six = (value: number): number => ((value & 0x3f) << 2) | ((value & 0x3f) >>> 4);

/** The 256 colours behind the PEL mask. */
export function dacColors({ dac, pelMask }: RegisterState, is8Bit: boolean): Uint32Array {
  const component = (at: number): number => (is8Bit ? (dac[at] ?? 0) : six(dac[at] ?? 0));
  return Uint32Array.from({ length: 256 }, (_, index) => {
    const at = (index & pelMask) * 3;
    return rgba(component(at), component(at + 1), component(at + 2));
  });
}

/** The 16 colours of planes and text: palette, colour select (AR14, AR10 bit 7), plane enable (AR12). */
export function attributeColors({ attribute }: RegisterState, dac: Uint32Array): Uint32Array {
  const select = attribute[0x14] ?? 0;
  const enabled = (attribute[0x12] ?? 0) & 15;
  return Uint32Array.from({ length: 16 }, (_, color) => {
    const entry = (attribute[color & enabled] ?? 0) & 0x3f;
    const index =
      ((attribute[0x10] ?? 0) & 0x80) !== 0
        ? (entry & 15) | ((select & 15) << 4)
        : entry | ((select & 12) << 4);
    return dac[index] ?? 0;
  });
}
