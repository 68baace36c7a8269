/** INT 09h: scan codes to the buffer in the BIOS data area. INT 16h: the buffer to programs. */
import type { BiosContext, Service } from './biosContext.ts';
import { inb, outb } from './biosContext.ts';
import { bda } from './biosData.ts';
import { isKeypad, keyValues } from './keyCodes.ts';

/** keyFlags */
const RIGHT_SHIFT = 0x01;
const LEFT_SHIFT = 0x02;
const CONTROL = 0x04;
const ALT = 0x08;
const SCROLL_LOCK = 0x10;
const NUM_LOCK = 0x20;
const CAPS_LOCK = 0x40;
const INSERT = 0x80;
/** keyFlags2: the left ones are down; keyMode: right ones, and prefixes. */
const LEFT_CONTROL = 0x01;
const LEFT_ALT = 0x02;
const RIGHT_CONTROL = 0x04;
const RIGHT_ALT = 0x08;
const LAST_WAS_E0 = 0x02;
const LAST_WAS_E1 = 0x01;

const bufferStart = 0x1e;
const bufferEnd = 0x3e;

export class Keyboard {
  readonly #context: BiosContext;

  constructor(context: BiosContext) {
    this.#context = context;
  }

  /** Empties the buffer, as at power-on. */
  reset(): void {
    const { data } = this.#context;
    data.set16(bda.keyHead, bufferStart);
    data.set16(bda.keyTail, bufferStart);
    data.set16(bda.keyBufferStart, bufferStart);
    data.set16(bda.keyBufferEnd, bufferEnd);
    // A 101-key keyboard.
    data.set8(bda.keyMode, 0x10);
  }

  #next(pointer: number): number {
    const { data } = this.#context;
    const next = pointer + 2;
    return next >= data.get16(bda.keyBufferEnd) ? data.get16(bda.keyBufferStart) : next;
  }

  /** The oldest key, or undefined. */
  peek(): number | undefined {
    const { data } = this.#context;
    const head = data.get16(bda.keyHead);
    return head === data.get16(bda.keyTail) ? undefined : data.get16(head);
  }

  take(): number | undefined {
    const key = this.peek();
    const { data } = this.#context;
    if (key !== undefined) data.set16(bda.keyHead, this.#next(data.get16(bda.keyHead)));
    return key;
  }

  /** False when the buffer is full. */
  put(key: number): boolean {
    const { data } = this.#context;
    const tail = data.get16(bda.keyTail);
    const next = this.#next(tail);
    if (next === data.get16(bda.keyHead)) return false;
    data.set16(tail, key);
    data.set16(bda.keyTail, next);
    return true;
  }

  /** A byte of the keyboard; true for Ctrl-Break, which goes to INT 1Bh. */
  scancode(byte: number): boolean {
    const { data } = this.#context;
    const mode = data.get8(bda.keyMode);
    if (byte === 0xe0 || byte === 0xe1) {
      data.set8(bda.keyMode, mode | (byte === 0xe0 ? LAST_WAS_E0 : LAST_WAS_E1));
      return false;
    }
    // Pause is E1 1D 45 E1 9D C5: the control key in it is none.
    if ((mode & LAST_WAS_E1) !== 0) {
      if ((byte & 0x7f) !== 0x1d) data.set8(bda.keyMode, mode & ~LAST_WAS_E1);
      return false;
    }
    const extended = (mode & LAST_WAS_E0) !== 0;
    data.set8(bda.keyMode, mode & ~LAST_WAS_E0);
    const released = (byte & 0x80) !== 0;
    const scan = byte & 0x7f;
    if (this.#modifier(scan, extended, released)) return false;
    if (released) {
      if (scan === 0x38) this.#altReleased();
      return false;
    }
    return this.#pressed(scan, extended);
  }

  #modifier(scan: number, extended: boolean, released: boolean): boolean {
    const { data } = this.#context;
    const change = (field: number, bits: number): void =>
      data.set8(field, released ? data.get8(field) & ~bits : data.get8(field) | bits);
    const lock = (bits: number): boolean => {
      if (!released) {
        data.set8(bda.keyFlags, data.get8(bda.keyFlags) ^ bits);
        this.#setLeds();
      }
      return true;
    };
    switch (scan) {
      case 0x2a:
        // E0 2A is a shift that the keyboard makes up around grey keys.
        if (!extended) change(bda.keyFlags, LEFT_SHIFT);
        return true;
      case 0x36:
        if (!extended) change(bda.keyFlags, RIGHT_SHIFT);
        return true;
      case 0x1d:
      case 0x38: {
        const isAlt = scan === 0x38;
        if (extended) change(bda.keyMode, isAlt ? RIGHT_ALT : RIGHT_CONTROL);
        else change(bda.keyFlags2, isAlt ? LEFT_ALT : LEFT_CONTROL);
        const down = isAlt
          ? (data.get8(bda.keyFlags2) & LEFT_ALT) | (data.get8(bda.keyMode) & RIGHT_ALT)
          : (data.get8(bda.keyFlags2) & LEFT_CONTROL) | (data.get8(bda.keyMode) & RIGHT_CONTROL);
        const flags = data.get8(bda.keyFlags);
        const bit = isAlt ? ALT : CONTROL;
        data.set8(bda.keyFlags, down === 0 ? flags & ~bit : flags | bit);
        if (isAlt && released) this.#altReleased();
        return true;
      }
      case 0x3a:
        return lock(CAPS_LOCK);
      case 0x45:
        return lock(NUM_LOCK);
      case 0x46:
        // With Ctrl it is Break, on either keyboard.
        if (extended || (data.get8(bda.keyFlags) & CONTROL) !== 0) return false;
        return lock(SCROLL_LOCK);
      default:
        return false;
    }
  }

  /** The number typed on the keypad with Alt held down. */
  #altReleased(): void {
    const { data } = this.#context;
    const typed = data.get8(bda.altKeypad);
    data.set8(bda.altKeypad, 0);
    if (typed !== 0) this.put(typed);
  }

  #pressed(scan: number, extended: boolean): boolean {
    const { data, parts } = this.#context;
    const flags = data.get8(bda.keyFlags);
    const [control, alt] = [(flags & CONTROL) !== 0, (flags & ALT) !== 0];
    if (control && alt && scan === 0x53) {
      data.set16(bda.resetFlag, 0x1234);
      parts.requestReset();
      return false;
    }
    if (scan === 0x46 && control) {
      data.set8(bda.breakFlag, 0x80);
      this.reset();
      this.put(0);
      return true;
    }
    if (!extended && alt && isKeypad(scan)) {
      const digit = [7, 8, 9, -1, 4, 5, 6, -1, 1, 2, 3, 0, -1][scan - 0x47] ?? -1;
      if (digit >= 0) data.set8(bda.altKeypad, (data.get8(bda.altKeypad) * 10 + digit) & 0xff);
      return false;
    }
    if (scan === 0x52 && !control && !alt) data.set8(bda.keyFlags, flags ^ INSERT);
    const values = keyValues(scan, extended);
    if (values === undefined) return false;
    let shifted = (flags & (LEFT_SHIFT | RIGHT_SHIFT)) !== 0;
    if (values.letter && (flags & CAPS_LOCK) !== 0) shifted = !shifted;
    if (!extended && isKeypad(scan) && (flags & NUM_LOCK) !== 0) shifted = !shifted;
    const value = alt
      ? values.alt
      : control
        ? values.control
        : shifted
          ? values.shift
          : values.plain;
    if (value !== undefined) this.put(value);
    return false;
  }

  /** EDh and the lights; the keyboard acknowledges through IRQ1, which the handler ignores. */
  #setLeds(): void {
    const { data } = this.#context;
    data.set8(bda.keyLeds, (data.get8(bda.keyLeds) & ~7) | ((data.get8(bda.keyFlags) >>> 4) & 7));
  }

  flags(): number {
    return this.#context.data.get8(bda.keyFlags);
  }

  extendedFlags(): number {
    const { data } = this.#context;
    const flags2 = data.get8(bda.keyFlags2);
    return (flags2 & 0x73) | (data.get8(bda.keyMode) & 0x0c) | ((flags2 & 4) << 5);
  }
}

/** What programs that know of 84 keys see: no E0h, and no keys that they do not know. */
function translated(key: number): number | undefined {
  const [scan, ascii] = [key >>> 8, key & 0xff];
  if (scan === 0xe0) return ascii === 0x2f ? 0x352f : 0x1c00 | ascii;
  if (ascii === 0xe0 && scan !== 0) return scan << 8;
  return scan > 0x84 ? undefined : key;
}

export function keyboardService(keyboard: Keyboard): Service {
  /** The next key; those that old programs do not know are thrown away. */
  const next = (enhanced: boolean): number | undefined => {
    for (;;) {
      const key = keyboard.peek();
      if (key === undefined) return undefined;
      const value = enhanced ? ((key & 0xff) === 0xf0 ? key & 0xff00 : key) : translated(key);
      if (value !== undefined) return value;
      keyboard.take();
    }
  };
  return (frame) => {
    const enhanced = (frame.ah & 0x10) !== 0;
    switch (frame.ah) {
      case 0x00:
      case 0x10: {
        const key = next(enhanced);
        if (key === undefined) return 'wait';
        keyboard.take();
        frame.ax = key;
        return 'done';
      }
      case 0x01:
      case 0x11: {
        const key = next(enhanced);
        frame.zero = key === undefined;
        if (key !== undefined) frame.ax = key;
        return 'done';
      }
      case 0x02:
        frame.al = keyboard.flags();
        return 'done';
      case 0x12:
        frame.al = keyboard.flags();
        frame.ah = keyboard.extendedFlags();
        return 'done';
      case 0x05:
        frame.al = keyboard.put(frame.cx) ? 0 : 1;
        return 'done';
      case 0x09:
        // Functions 10h to 12h are there.
        frame.al = 0x20;
        return 'done';
      case 0x0a:
        frame.bx = 0x83ab;
        return 'done';
      default:
        return 'done';
    }
  };
}

const OUTPUT_FULL = 0x01;
const INPUT_FULL = 0x02;

/** Opens both ports of the 8042 with translation and interrupts, and starts the keyboard. */
export function startKeyboardController(context: BiosContext): void {
  const settle = (): void => {
    for (let i = 0; i < 100 && (inb(context, 0x64) & INPUT_FULL) !== 0; i++);
  };
  const drain = (): void => {
    for (let i = 0; i < 100 && (inb(context, 0x64) & OUTPUT_FULL) !== 0; i++) inb(context, 0x60);
  };
  const command = (value: number): void => {
    settle();
    outb(context, 0x64, value);
  };
  command(0xad);
  command(0xa7);
  drain();
  command(0xaa);
  drain();
  command(0x60);
  settle();
  // Translation, system flag, keyboard interrupt; the mouse's port stays closed until INT 15h C2h.
  outb(context, 0x60, 0x65);
  command(0xae);
  settle();
  outb(context, 0x60, 0xf4);
  drain();
}
