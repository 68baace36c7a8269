import { t } from '../../i18n/i18n.ts';
import type { Frame } from '../../../shared/vm/frames.ts';
import { openScreenLine, type ScreenLine } from '../../transport/screenLine.ts';
import type { Connection } from '../../transport/connection.ts';

export interface ScreenState {
  /** Of the guest's picture, in its pixels; 0 until the first frame. */
  readonly width: number;
  readonly height: number;
  readonly pointer: Frame['pointer'];
  /** Why there is no picture. */
  readonly problem: string | undefined;
}

/** After a call that failed, before the next. */
const retryMs = 1000;
let viewers = 0;

/**
 * Draws a machine's screen on a canvas, whose pixels are the guest's. Frames come over a line of their own; where there is
 * none, or it is lost, they are asked for one at a time. Either way a slow window gets fewer frames, not later ones.
 */
export class GuestScreen {
  readonly canvas: HTMLCanvasElement;
  readonly #session: Connection['session'];
  readonly #vmId: string;
  /** Tells this view from others, also those of other windows. */
  readonly #viewer = `${++viewers}-${crypto.randomUUID()}`;
  readonly #changed: (state: ScreenState) => void;
  #state: ScreenState = { width: 0, height: 0, pointer: 'relative', problem: undefined };
  #stopped = false;
  #line: ScreenLine | undefined;
  /** Pictures drawn: for tests and for whoever wonders. */
  frames = 0;

  constructor(
    canvas: HTMLCanvasElement,
    session: Connection['session'],
    vmId: string,
    changed: (state: ScreenState) => void,
  ) {
    this.canvas = canvas;
    this.#session = session;
    this.#vmId = vmId;
    this.#changed = changed;
    void this.#follow();
  }

  get state(): ScreenState {
    return this.#state;
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      // Straight from the machine's process, for as long as that goes.
      this.#line = openScreenLine(this.#vmId, (frame) => {
        if (!this.#stopped) this.#draw(frame);
      });
      await this.#line?.closed;
      if (this.#stopped) return;
      try {
        const frame = await this.#session.nextFrame(this.#vmId, this.#viewer);
        if (this.#stopped) return;
        this.#draw(frame);
      } catch (error) {
        if (this.#stopped) return;
        this.#set({ problem: error instanceof Error ? error.message : String(error) });
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  #draw({ width, height, parts, pointer }: Frame): void {
    if (width > 0 && (this.canvas.width !== width || this.canvas.height !== height)) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.canvas.getContext('2d', { alpha: false });
    for (const part of parts) {
      const { buffer, byteOffset, length } = part.pixels;
      const pixels = new Uint8ClampedArray(buffer as ArrayBuffer, byteOffset, length);
      context?.putImageData(new ImageData(pixels, part.width, part.height), part.x, part.y);
    }
    if (parts.length > 0) {
      this.frames++;
      this.canvas.dataset.frames = String(this.frames);
    }
    this.#set({ width, height, pointer, problem: undefined });
  }

  #set(next: Partial<ScreenState>): void {
    const state = { ...this.#state, ...next };
    const same = (Object.keys(state) as (keyof ScreenState)[]).every(
      (key) => state[key] === this.#state[key],
    );
    if (same) return;
    this.#state = state;
    this.#changed(state);
  }

  /** The picture as a PNG file, pixel by pixel. */
  async png(): Promise<Blob> {
    return new Promise((resolve, reject) =>
      this.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t('screen.noPng'))))),
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#line?.close();
  }
}
