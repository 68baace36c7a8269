import { expect, test } from 'vitest';
import { consoleKey } from './consoleKeys.ts';

const key = (text: string, hasSelection = false) => {
  const parts = text.split('+');
  const code = parts.pop()!;
  return consoleKey(
    {
      code,
      key: code,
      type: 'keydown',
      ctrlKey: parts.includes('Ctrl'),
      shiftKey: parts.includes('Shift'),
      altKey: parts.includes('Alt'),
      metaKey: parts.includes('Meta'),
    },
    hasSelection,
  );
};

test('the guest gets the keys that shells and editors need', () => {
  for (const each of ['Ctrl+KeyC', 'Ctrl+KeyS', 'Ctrl+KeyN', 'Ctrl+KeyV', 'Tab', 'F6', 'Alt+KeyN'])
    expect(key(each), each).toBe('guest');
});

test('copy and paste have their usual terminal keys', () => {
  expect(key('Ctrl+Shift+KeyC')).toBe('copy');
  expect(key('Meta+KeyC')).toBe('copy');
  expect(key('Ctrl+Insert', true)).toBe('copy');
  expect(key('Ctrl+Insert', false)).toBe('guest');
  expect(key('Ctrl+Shift+KeyV')).toBe('paste');
  expect(key('Shift+Insert')).toBe('paste');
});

test('the keyboard leaves the console by Ctrl+F6', () => {
  expect(key('Ctrl+F6')).toBe('leave');
});
