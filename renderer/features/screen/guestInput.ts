import type { InputEvent } from '../../../shared/input/inputEvent.ts';
import { strokeEvents, typedText, type Stroke } from '../../../shared/input/typing.ts';
import { HostKeyWatch, type HostCommand } from './hostKey.ts';

export interface GuestInputParts {
  readonly element: HTMLCanvasElement;
  send(events: InputEvent[]): Promise<void>;
  /** How the guest takes the pointer now. */
  pointer(): 'absolute' | 'relative';
  command(command: HostCommand): void;
  /** The keyboard goes back to the window. */
  leave(): void;
  capturedChanged(captured: boolean): void;
}

/** So that a guest that is slow to read its keyboard loses nothing. */
const strokeMs = 15;
/** Pixels of a wheel notch, where the browser counts in pixels. */
const notch = 100;

/** Keyboard and pointer of a screen, from the events of its element. */
export class GuestInput {
  readonly #parts: GuestInputParts;
  readonly #down = new Set<string>();
  readonly #hostKey: HostKeyWatch;
  #motion: { dx: number; dy: number } | undefined;
  #point: { x: number; y: number } | undefined;
  #wheel = { vertical: 0, horizontal: 0 };
  #frame = 0;
  #sending: Promise<unknown> = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(parts: GuestInputParts) {
    this.#parts = parts;
    this.#hostKey = new HostKeyWatch({
      leave: () => {
        if (this.#captured) this.releasePointer();
        else parts.leave();
      },
      command: (command) => parts.command(command),
    });
    const { element } = parts;
    const { signal } = this.#stop;
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      listener: (event: HTMLElementEventMap[K]) => void,
    ) => element.addEventListener(name, listener, { signal, passive: false });
    on('keydown', (event) => this.#key(event, true));
    on('keyup', (event) => this.#key(event, false));
    on('blur', () => this.releaseKeys());
    on('pointermove', (event) => this.#pointerMoved(event));
    on('pointerdown', (event) => this.#button(event, true));
    on('pointerup', (event) => this.#button(event, false));
    on('contextmenu', (event) => event.preventDefault());
    on('wheel', (event) => this.#wheelTurned(event));
    document.addEventListener(
      'pointerlockchange',
      () => parts.capturedChanged(document.pointerLockElement === element),
      { signal },
    );
  }

  dispose(): void {
    this.releaseKeys();
    cancelAnimationFrame(this.#frame);
    this.#stop.abort();
    this.releasePointer();
  }

  get #captured(): boolean {
    return document.pointerLockElement === this.#parts.element;
  }

  releasePointer(): void {
    if (this.#captured) document.exitPointerLock();
  }

  /** Keys that are down when the keyboard leaves would stay down in the guest. */
  releaseKeys(): void {
    const events = [...this.#down].map((code) => ({ kind: 'key' as const, code, down: false }));
    this.#down.clear();
    this.#hostKey.forget();
    if (events.length > 0) this.#send(events);
  }

  #send(events: InputEvent[]): void {
    // What cannot be delivered is lost, as on a keyboard that is not plugged in.
    this.#sending = this.#parts.send(events).catch(() => undefined);
  }

  #key(event: KeyboardEvent, down: boolean): void {
    const { code } = event;
    if (event.ctrlKey && !event.shiftKey && !event.altKey && code === 'F6') {
      // As everywhere in this window.
      if (down) this.#parts.leave();
      event.preventDefault();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (this.#hostKey.takes(event)) return;
    // The machine repeats held keys itself.
    if (code === '' || event.repeat || (!down && !this.#down.has(code))) return;
    if (down) this.#down.add(code);
    else this.#down.delete(code);
    this.#send([{ kind: 'key', code, down }]);
  }

  #pointerMoved(event: PointerEvent): void {
    if (this.#parts.pointer() === 'absolute') {
      this.#point = this.#place(event);
    } else if (this.#captured) {
      this.#motion = {
        dx: (this.#motion?.dx ?? 0) + event.movementX,
        dy: (this.#motion?.dy ?? 0) + event.movementY,
      };
    }
    this.#flushSoon();
  }

  #place({ clientX, clientY }: MouseEvent): { x: number; y: number } {
    const box = this.#parts.element.getBoundingClientRect();
    const inside = (value: number): number => Math.min(1, Math.max(0, value));
    return {
      x: inside((clientX - box.left) / box.width),
      y: inside((clientY - box.top) / box.height),
    };
  }

  #button(event: PointerEvent, down: boolean): void {
    const { element } = this.#parts;
    event.preventDefault();
    if (down) element.focus({ preventScroll: true });
    const absolute = this.#parts.pointer() === 'absolute';
    if (!absolute && !this.#captured) {
      // The click that captures the pointer is the window's, not the guest's.
      if (down) void Promise.resolve(element.requestPointerLock()).catch(() => undefined);
      return;
    }
    if (event.button > 4) return;
    if (down && !this.#captured) element.setPointerCapture(event.pointerId);
    if (absolute) this.#point = this.#place(event);
    this.#flush();
    this.#send([{ kind: 'button', button: event.button, down }]);
  }

  #wheelTurned(event: WheelEvent): void {
    event.preventDefault();
    const scale = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? notch : 3;
    this.#wheel.vertical += event.deltaY / scale;
    this.#wheel.horizontal += event.deltaX / scale;
    this.#flushSoon();
  }

  /** Motion goes once a frame: a mouse reports up to a thousand times a second. */
  #flushSoon(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const events: InputEvent[] = [];
    if (this.#point) events.push({ kind: 'point', ...this.#point });
    if (this.#motion) events.push({ kind: 'move', ...this.#motion });
    const [vertical, horizontal] = [
      Math.trunc(this.#wheel.vertical),
      Math.trunc(this.#wheel.horizontal),
    ];
    if (vertical !== 0 || horizontal !== 0) events.push({ kind: 'wheel', vertical, horizontal });
    this.#wheel.vertical -= vertical;
    this.#wheel.horizontal -= horizontal;
    this.#point = undefined;
    this.#motion = undefined;
    if (events.length > 0) this.#send(events);
  }

  press(stroke: Stroke): void {
    this.#send(strokeEvents(stroke));
  }

  /** Types text key by key, no faster than a guest can read. */
  async type(text: string): Promise<void> {
    for (const stroke of typedText(text)) {
      if (this.#stop.signal.aborted) return;
      this.press(stroke);
      await this.#sending;
      await new Promise((resolve) => setTimeout(resolve, strokeMs));
    }
  }
}
