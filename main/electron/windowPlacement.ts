/** Where the window was when it was closed, checked against the screens of today. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface WindowPlacement extends Partial<Pick<Rectangle, 'x' | 'y'>> {
  readonly width: number;
  readonly height: number;
  readonly maximized: boolean;
}

export const minimumSize = { width: 720, height: 480 };
const usual = { width: 1280, height: 800 };
/** Of the title bar; less of it cannot be grabbed. */
const graspable = { width: 120, height: 40 };

const isWhole = (value: unknown): value is number => Number.isInteger(value);

/** Of a machine's own window: a screen of 1024×768 fits. */
export const vmWindowSize = { width: 1040, height: 880 };

/** `saved` is whatever the settings file held. */
export function placementFrom(
  saved: unknown,
  screens: readonly Rectangle[],
  usualSize: { readonly width: number; readonly height: number } = usual,
): WindowPlacement {
  const { x, y, width, height, maximized } = (saved ?? {}) as Partial<Record<string, unknown>>;
  if (!isWhole(width) || !isWhole(height)) return { ...usualSize, maximized: false };
  const size = {
    width: Math.max(width, minimumSize.width),
    height: Math.max(height, minimumSize.height),
    maximized: maximized === true,
  };
  if (!isWhole(x) || !isWhole(y)) return size;
  const overlap = (start: number, end: number, from: number, to: number) =>
    Math.min(end, to) - Math.max(start, from);
  const reachable = screens.some(
    (screen) =>
      overlap(x, x + size.width, screen.x, screen.x + screen.width) >= graspable.width &&
      overlap(y, y + graspable.height, screen.y, screen.y + screen.height) >= graspable.height,
  );
  return reachable ? { x, y, ...size } : size;
}
