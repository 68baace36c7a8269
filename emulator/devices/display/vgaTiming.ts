/** What the CRTC says of the picture's size and of the beam (IBM PS/2 Video Subsystem, "CRT controller"). */
import type { RegisterState } from './vgaRegisters.ts';

const register = (registers: Uint8Array, index: number): number => registers[index] ?? 0;

/** Bits 8 and 9 of a vertical count are in the overflow register, CR7. */
function vertical(crtc: Uint8Array, index: number, bit8: number, bit9: number): number {
  const overflow = register(crtc, 7);
  return (
    register(crtc, index) | (((overflow >>> bit8) & 1) << 8) | (((overflow >>> bit9) & 1) << 9)
  );
}

/** Dots of a character clock. */
export function dotsPerCharacter({ sequencer }: RegisterState): number {
  return (register(sequencer, 1) & 1) !== 0 ? 8 : 9;
}

/** Every dot is shown twice: the dot clock is halved. */
export function dotsDoubled({ sequencer }: RegisterState): boolean {
  return (register(sequencer, 1) & 8) !== 0;
}

export function visibleCharacters({ crtc }: RegisterState): number {
  return register(crtc, 1) + 1;
}

/** Lines of the picture, 1 to 2048. */
export function visibleLines({ crtc }: RegisterState): number {
  const lines = vertical(crtc, 0x12, 1, 6) + 1;
  // CR17 bit 2 clocks the vertical counter every second line.
  return (register(crtc, 0x17) & 4) !== 0 ? lines * 2 : lines;
}

/** The line after which the address starts again at 0: split screen. */
export function lineCompare({ crtc }: RegisterState): number {
  return (
    register(crtc, 0x18) |
    (((register(crtc, 7) >>> 4) & 1) << 8) |
    (((register(crtc, 9) >>> 6) & 1) << 9)
  );
}

/** Dwords of video memory from a row to the next. */
export const rowPitch = ({ crtc }: RegisterState): number => register(crtc, 0x13) * 2;

/** First dword that is shown. */
export const startAddress = ({ crtc }: RegisterState): number =>
  (register(crtc, 0x0c) << 8) | register(crtc, 0x0d);

/** The screen is blanked: by the sequencer, or while the CPU has the palette. */
export function blanked({ sequencer, attributeIndex }: RegisterState): boolean {
  return (register(sequencer, 1) & 0x20) !== 0 || (attributeIndex & 0x20) === 0;
}

export interface Timing {
  readonly lineNs: number;
  readonly frameNs: number;
}

/** Durations of a line and of a frame; those of 640×480 while the registers make no sense. */
export function timing(state: RegisterState): Timing {
  const { crtc, miscellaneous } = state;
  const clock = (miscellaneous & 4) !== 0 ? 28_322_000 : 25_175_000;
  const dots = (register(crtc, 0) + 5) * dotsPerCharacter(state) * (dotsDoubled(state) ? 2 : 1);
  const lines = vertical(crtc, 6, 0, 5) + 2;
  if (lines < 200 || dots < 300) return { lineNs: 31_778, frameNs: 16_683_000 };
  const lineNs = (dots / clock) * 1e9;
  return { lineNs, frameNs: lineNs * lines };
}

/** Input status 1, bits 0 (not displaying) and 3 (vertical retrace), at a machine time. */
export function beam(state: RegisterState, nowNs: number): number {
  const { lineNs, frameNs } = timing(state);
  const inFrame = nowNs % frameNs;
  const lines = Math.round(frameNs / lineNs);
  const shown = Math.min(visibleLines(state), lines - 4);
  const line = Math.floor(inFrame / lineNs);
  const retrace = line >= shown + 1 && line < shown + 3 ? 8 : 0;
  const horizontal = (inFrame % lineNs) / lineNs;
  return (line >= shown || horizontal > 0.8 ? 1 : 0) | retrace;
}
