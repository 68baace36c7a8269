import { expect, test } from 'vitest';
import { consoleKey, createLoneKeyWatch } from './consoleKeys.ts';

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

test('the keyboard leaves the console by Ctrl+F6 or the host key alone', () => {
  expect(key('Ctrl+F6')).toBe('leave');
  let left = 0;
  const watch = createLoneKeyWatch(() => left++, 'ControlRight');
  watch({ type: 'keydown', code: 'ControlRight' });
  watch({ type: 'keyup', code: 'ControlRight' });
  expect(left).toBe(1);
  watch({ type: 'keydown', code: 'ControlRight' });
  watch({ type: 'keydown', code: 'KeyC' });
  watch({ type: 'keyup', code: 'KeyC' });
  watch({ type: 'keyup', code: 'ControlRight' });
  expect(left).toBe(1);
});
