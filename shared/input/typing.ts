/**
 * Text as keystrokes on a US keyboard, by `KeyboardEvent.code`. Keys without a character are named in angle
 * brackets, with QEMU's names or those of KeyboardEvent.code: "ls<ret>", "<ctrl-alt-delete>", "<f12>".
 */
import { keys } from './keys.ts';

/** Keys that are pressed together, modifiers first. */
export type Stroke = readonly string[];

const plain: Readonly<Record<string, string>> = {
  ' ': 'Space',
  '\n': 'Enter',
  '\t': 'Tab',
  '-': 'Minus',
  '=': 'Equal',
  '[': 'BracketLeft',
  ']': 'BracketRight',
  '\\': 'Backslash',
  ';': 'Semicolon',
  "'": 'Quote',
  '`': 'Backquote',
  ',': 'Comma',
  '.': 'Period',
  '/': 'Slash',
};
const shifted: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...')!@#$%^&*('].map((c, digit) => [c, `Digit${digit}`])),
  _: 'Minus',
  '+': 'Equal',
  '{': 'BracketLeft',
  '}': 'BracketRight',
  '|': 'Backslash',
  ':': 'Semicolon',
  '"': 'Quote',
  '~': 'Backquote',
  '<': 'Comma',
  '>': 'Period',
  '?': 'Slash',
};

/** QEMU's names of keys that have no character or would be hard to write. */
const named: Readonly<Record<string, string>> = {
  ...{ ret: 'Enter', esc: 'Escape', spc: 'Space', tab: 'Tab', backspace: 'Backspace' },
  ...{ up: 'ArrowUp', down: 'ArrowDown', left: 'ArrowLeft', right: 'ArrowRight' },
  ...{ home: 'Home', end: 'End', pgup: 'PageUp', pgdn: 'PageDown' },
  ...{ insert: 'Insert', delete: 'Delete', caps_lock: 'CapsLock', num_lock: 'NumLock' },
  ...{ ctrl: 'ControlLeft', ctrl_r: 'ControlRight', alt: 'AltLeft', alt_r: 'AltRight' },
  ...{ shift: 'ShiftLeft', shift_r: 'ShiftRight', meta_l: 'MetaLeft', meta_r: 'MetaRight' },
  ...{ menu: 'ContextMenu', minus: 'Minus', equal: 'Equal', comma: 'Comma', dot: 'Period' },
  ...{ slash: 'Slash', print: 'PrintScreen', pause: 'Pause', scroll_lock: 'ScrollLock' },
  ...{ less: 'IntlBackslash', kp_enter: 'NumpadEnter' },
  ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`f${i + 1}`, `F${i + 1}`])),
};

/** Keys of a character, or undefined for one that a US keyboard lacks. */
export function strokeOf(character: string): Stroke | undefined {
  if (/^[a-z]$/.test(character)) return [`Key${character.toUpperCase()}`];
  if (/^[A-Z]$/.test(character)) return ['ShiftLeft', `Key${character}`];
  if (/^[0-9]$/.test(character)) return [`Digit${character}`];
  const key = plain[character];
  if (key !== undefined) return [key];
  const upper = shifted[character];
  return upper === undefined ? undefined : ['ShiftLeft', upper];
}

function namedKey(name: string): string | undefined {
  if (keys.has(name)) return name;
  return named[name] ?? strokeOf(name)?.[0];
}

/** Text with names in angle brackets. Throws RangeError that names what it does not know. */
export function parseKeys(text: string): Stroke[] {
  return [...text.matchAll(/<([^<>]+)>|[^]/gu)].map(([whole, names]): Stroke => {
    if (names === undefined) {
      const stroke = strokeOf(whole);
      if (stroke === undefined) throw new RangeError(`no key types "${whole}"`);
      return stroke;
    }
    if (names === 'lt') return ['ShiftLeft', 'Comma'];
    return names.split('-').map((name) => {
      const key = namedKey(name);
      if (key === undefined) throw new RangeError(`there is no key "${name}" in <${names}>`);
      return key;
    });
  });
}

/** Plain text; what the keyboard lacks is left out. */
export function typedText(text: string): Stroke[] {
  return [...text.replaceAll('\r\n', '\n')].flatMap((character) => {
    const stroke = strokeOf(character);
    return stroke === undefined ? [] : [stroke];
  });
}

/** A stroke as events: down in order, up in reverse. */
export function strokeEvents(stroke: Stroke): { kind: 'key'; code: string; down: boolean }[] {
  return [
    ...stroke.map((code) => ({ kind: 'key' as const, code, down: true })),
    ...stroke.toReversed().map((code) => ({ kind: 'key' as const, code, down: false })),
  ];
}
