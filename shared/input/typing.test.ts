import { expect, it } from 'vitest';
import { keys } from './keys.ts';
import { parseKeys, strokeEvents, strokeOf, typedText } from './typing.ts';

it('knows a key of the keyboard for every printable character', () => {
  for (let code = 0x20; code < 0x7f; code++) {
    const stroke = strokeOf(String.fromCharCode(code));
    expect(stroke, String.fromCharCode(code)).toBeDefined();
    for (const key of stroke ?? []) expect(keys.has(key), key).toBe(true);
  }
});

it('reads keys by name, alone and together', () => {
  expect(parseKeys('lS<ret><ctrl-alt-delete><f12><KeyQ><ctrl-c><lt>')).toEqual([
    ['KeyL'],
    ['ShiftLeft', 'KeyS'],
    ['Enter'],
    ['ControlLeft', 'AltLeft', 'Delete'],
    ['F12'],
    ['KeyQ'],
    ['ControlLeft', 'KeyC'],
    ['ShiftLeft', 'Comma'],
  ]);
});

it('names what it does not know', () => {
  expect(() => parseKeys('a<hyper-x>')).toThrow('there is no key "hyper" in <hyper-x>');
  expect(() => parseKeys('ü')).toThrow('no key types "ü"');
});

it('leaves out what a US keyboard lacks in pasted text, and releases in reverse order', () => {
  expect(typedText('a\r\nü')).toEqual([['KeyA'], ['Enter']]);
  expect(strokeEvents(['ShiftLeft', 'KeyA']).map(({ code, down }) => `${code} ${down}`)).toEqual([
    'ShiftLeft true',
    'KeyA true',
    'KeyA false',
    'ShiftLeft false',
  ]);
});
