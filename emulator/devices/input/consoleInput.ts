/** Gives what the user does to the device that the guest listens to. */
import type { InputEvent, PointerMode } from '../../../shared/input/inputEvent.ts';
import type { Ps2Keyboard } from './ps2Keyboard.ts';
import type { Ps2Mouse } from './ps2Mouse.ts';
import type { VirtioInput } from './virtioInput.ts';

export interface ConsoleInputParts {
  readonly keyboard: Ps2Keyboard;
  readonly mouse: Ps2Mouse;
  readonly virtioKeyboard: VirtioInput;
  readonly tablet: VirtioInput;
}

export class ConsoleInput {
  readonly #parts: ConsoleInputParts;
  /** Buttons and wheel belong to the pointer that moved last. */
  #lastPointer: PointerMode = 'absolute';

  constructor(parts: ConsoleInputParts) {
    this.#parts = parts;
  }

  get pointerMode(): PointerMode {
    return this.#parts.tablet.ready ? 'absolute' : 'relative';
  }

  input(event: InputEvent): void {
    const { keyboard, mouse, virtioKeyboard, tablet } = this.#parts;
    const absolute = tablet.ready && this.#lastPointer === 'absolute';
    switch (event.kind) {
      case 'key':
        // A key that goes up is told to both: the driver may have come while it was down.
        if (!event.down || virtioKeyboard.ready) virtioKeyboard.key(event.code, event.down);
        if (!event.down || !virtioKeyboard.ready) keyboard.key(event.code, event.down);
        return;
      case 'move':
        this.#lastPointer = 'relative';
        return mouse.move(event.dx, event.dy);
      case 'point':
        this.#lastPointer = 'absolute';
        return tablet.point(event.x, event.y);
      case 'button':
        if (!event.down || absolute) tablet.button(event.button, event.down);
        if (!event.down || !absolute) mouse.button(event.button, event.down);
        return;
      case 'wheel':
        if (absolute) tablet.wheel(event.vertical, event.horizontal);
        else mouse.move(0, 0, event.vertical);
    }
  }
}
