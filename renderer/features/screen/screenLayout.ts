/** 'fit' keeps the picture's shape, 'scaled' fills the room, 'actual' shows a pixel as a pixel. */
export const screenModes = ['fit', 'scaled', 'actual'] as const;
export type ScreenMode = (typeof screenModes)[number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface ScreenLayout {
  /** CSS pixels, of which `ratio` device pixels make one. */
  readonly width: number;
  readonly height: number;
  /** Guest pixels are whole device pixels: drawn with sharp edges. */
  readonly sharp: boolean;
}

/** Where a guest's picture of `guest` pixels goes in `room` CSS pixels. */
export function layoutScreen(
  guest: Size,
  room: Size,
  mode: ScreenMode,
  ratio: number,
): ScreenLayout {
  if (mode === 'actual') return { ...cssSize(guest, ratio), sharp: true };
  const device = { width: Math.floor(room.width * ratio), height: Math.floor(room.height * ratio) };
  if (mode === 'scaled') {
    const whole = device.width % guest.width === 0 && device.height % guest.height === 0;
    return { ...cssSize(device, ratio), sharp: whole };
  }
  const scale = Math.min(device.width / guest.width, device.height / guest.height);
  // Slightly less than fits, for sharp pixels, is better than all of it blurred.
  const whole = Math.floor(scale);
  const factor = whole >= 1 && scale - whole < 0.12 * scale ? whole : scale;
  const size = {
    width: Math.max(1, Math.floor(guest.width * factor)),
    height: Math.max(1, Math.floor(guest.height * factor)),
  };
  return { ...cssSize(size, ratio), sharp: factor === whole };
}

const cssSize = ({ width, height }: Size, ratio: number): Size => ({
  width: width / ratio,
  height: height / ratio,
});
