import type { Picture } from './picture.ts';

/** What a graphics card is to those who look at it. Called between the CPU's slices only. */
export interface Display {
  /** Draws what the guest has changed. Another picture than before is damaged as a whole. */
  refresh(): Picture;
  /** The rows of a text-mode screen, trailing blanks cut; undefined in graphics modes. */
  text(): readonly string[] | undefined;
  /**
   * The pointer's image where the guest leaves drawing it to the host, else undefined: RGBA, with
   * the point that points. `x`, `y` are where the guest believes it is.
   */
  readonly pointer?: PointerImage | undefined;
  /** Tells the guest what size the window would like. Guests without a driver for that ignore it. */
  setPreferredSize?(width: number, height: number): void;
}

export interface PointerImage {
  readonly width: number;
  readonly height: number;
  readonly hotX: number;
  readonly hotY: number;
  readonly x: number;
  readonly y: number;
  readonly pixels: Uint8Array;
}
