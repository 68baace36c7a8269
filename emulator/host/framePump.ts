/**
 * Frames for windows. A viewer asks for its next frame and is answered when something has changed for it,
 * so that a slow one skips pictures instead of queueing them. Nobody asking, nothing is drawn.
 */
import type { Frame, FramePart, Thumbnail } from '../../shared/vm/frames.ts';
import type { PointerMode } from '../../shared/input/inputEvent.ts';
import type { Display } from '../devices/display/display.ts';
import { Picture, type Rectangle } from '../devices/display/picture.ts';

/** Between two looks at the screen: 60 a second while it moves, fewer once it stands still. */
const movingMs = 16;
const stillMs = 33;
const stillAfterMs = 1000;
/** A viewer that waits is answered without news after this time, so that one that has gone is noticed. */
const longestWaitMs = 5000;
/** A viewer that has not asked for so long has gone. */
const forgottenMs = 15_000;
const mostParts = 32;

interface Viewer {
  /** Changes it has not seen, in a picture of its own that has no pixels. */
  readonly damage: Picture;
  width: number;
  height: number;
  lastAskedMs: number;
  waiting: { readonly sinceMs: number; readonly answer: (frame: Frame) => void } | undefined;
}

export interface FramePumpParts {
  readonly display: Display;
  readonly pointerMode: () => PointerMode;
}

export class FramePump {
  readonly #display: Display;
  readonly #pointerMode: () => PointerMode;
  readonly #viewers = new Map<string, Viewer>();
  #timer: NodeJS.Timeout | undefined;
  #changedMs = 0;
  #lookedMs = 0;

  constructor({ display, pointerMode }: FramePumpParts) {
    this.#display = display;
    this.#pointerMode = pointerMode;
  }

  /** Resolves with what changed since the viewer's last frame; the first frame is whole. */
  next(name: string): Promise<Frame> {
    const now = performance.now();
    const known = this.#viewers.get(name);
    const viewer: Viewer = known ?? {
      damage: new Picture(),
      width: -1,
      height: -1,
      lastAskedMs: now,
      waiting: undefined,
    };
    if (known === undefined) this.#viewers.set(name, viewer);
    viewer.lastAskedMs = now;
    // A second question of the same viewer ends the first.
    viewer.waiting?.answer(this.#frame(viewer, []));
    return new Promise((answer) => {
      viewer.waiting = { sinceMs: now, answer };
      this.#schedule();
    });
  }

  /** Answers those who wait and stops. */
  close(): void {
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers.values()) viewer.waiting?.answer(this.#frame(viewer, []));
    this.#viewers.clear();
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const now = performance.now();
    const pace = now - this.#changedMs > stillAfterMs ? stillMs : movingMs;
    // A question that comes late is answered at once, but never twice within a frame's time.
    const delay = Math.max(0, Math.round(this.#lookedMs + pace - now));
    this.#timer = setTimeout(() => this.#look(), delay);
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    this.#lookedMs = now;
    const picture = this.#display.refresh();
    const changes = picture.takeDamage();
    if (changes.length > 0) this.#changedMs = now;
    for (const [name, viewer] of this.#viewers) {
      for (const { x, y, width, height } of changes) viewer.damage.damage(x, y, width, height);
      if (viewer.waiting === undefined) {
        if (now - viewer.lastAskedMs > forgottenMs) this.#viewers.delete(name);
        continue;
      }
      if (viewer.width !== picture.width || viewer.height !== picture.height) {
        viewer.width = picture.width;
        viewer.height = picture.height;
        viewer.damage.takeDamage();
        viewer.damage.damage(0, 0, picture.width, picture.height);
      }
      const damage = viewer.damage.takeDamage();
      if (damage.length === 0 && now - viewer.waiting.sinceMs < longestWaitMs) continue;
      const { answer } = viewer.waiting;
      viewer.waiting = undefined;
      answer(this.#frame(viewer, damage));
    }
    if ([...this.#viewers.values()].some(({ waiting }) => waiting !== undefined)) this.#schedule();
  }

  #frame(viewer: Viewer, damage: readonly Rectangle[]): Frame {
    const picture = this.#display.refresh();
    return {
      width: Math.max(0, viewer.width),
      height: Math.max(0, viewer.height),
      parts: damage.slice(0, mostParts).map((part) => cut(picture, part)),
      pointer: this.#pointerMode(),
    };
  }

  /** The picture, at most `widest` pixels wide. */
  thumbnail(widest: number): Thumbnail {
    const { width, height, pixels } = this.#display.refresh();
    const scale = Math.max(1, width / widest);
    const small = new Uint32Array(Math.floor(width / scale) * Math.floor(height / scale));
    const columns = Math.floor(width / scale);
    for (let i = 0; i < small.length; i++) {
      const x = Math.floor((i % columns) * scale);
      const y = Math.floor(Math.floor(i / columns) * scale);
      small[i] = average(pixels, width, x, y, Math.max(1, Math.floor(scale)));
    }
    return {
      width: columns,
      height: columns === 0 ? 0 : small.length / columns,
      pixels: new Uint8Array(small.buffer),
    };
  }
}

function cut({ pixels, width: stride }: Picture, { x, y, width, height }: Rectangle): FramePart {
  const copy = new Uint32Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * stride + x;
    copy.set(pixels.subarray(start, start + width), row * width);
  }
  return { x, y, width, height, pixels: new Uint8Array(copy.buffer) };
}

/** Mean colour of a square of `size` pixels. */
function average(pixels: Uint32Array, stride: number, x: number, y: number, size: number): number {
  let [red, green, blue] = [0, 0, 0];
  for (let row = y; row < y + size; row++) {
    for (let column = x; column < x + size; column++) {
      const pixel = pixels[row * stride + column] ?? 0;
      red += pixel & 0xff;
      green += (pixel >>> 8) & 0xff;
      blue += (pixel >>> 16) & 0xff;
    }
  }
  const count = size * size;
  return (
    (0xff000000 | ((blue / count) << 16) | ((green / count) << 8) | Math.floor(red / count)) >>> 0
  );
}
