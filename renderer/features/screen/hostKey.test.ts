import { afterEach, expect, test } from 'vitest';
import { chooseHostKey, HostKeyWatch, type HostCommand } from './hostKey.ts';

const watched = (known?: ReadonlySet<HostCommand>) => {
  const done: string[] = [];
  const watch = new HostKeyWatch(
    { leave: () => done.push('leave'), command: (command) => done.push(command) },
    known,
  );
  const press = (type: 'keydown' | 'keyup', code: string, repeat = false) =>
    watch.takes({ type, code, repeat });
  return { done, press, watch };
};
afterEach(() => chooseHostKey(undefined));

test('the host key leaves alone, and commands with others', () => {
  chooseHostKey('ControlRight');
  const { done, press } = watched();
  press('keydown', 'ControlRight');
  press('keyup', 'ControlRight');
  press('keydown', 'ControlRight');
  press('keydown', 'ControlRight', true);
  expect(press('keydown', 'KeyT')).toBe(true);
  press('keydown', 'KeyT', true);
  press('keyup', 'KeyT');
  // No command, but the window's all the same.
  expect(press('keydown', 'KeyZ')).toBe(true);
  press('keyup', 'ControlRight');
  expect(press('keydown', 'KeyT')).toBe(false);
  expect(done).toEqual(['leave', 'snapshot']);
});

test('where only some commands are known, the other keys stay the guest’s', () => {
  chooseHostKey('ControlRight');
  const { done, press } = watched(new Set<HostCommand>(['close']));
  press('keydown', 'ControlRight');
  expect(press('keydown', 'KeyC')).toBe(false);
  expect(press('keydown', 'KeyQ')).toBe(true);
  press('keyup', 'ControlRight');
  expect(done).toEqual(['close']);
});

test('another host key can be chosen, and is forgotten when the keyboard goes', () => {
  chooseHostKey('ScrollLock');
  const { done, press, watch } = watched();
  expect(press('keydown', 'ControlRight')).toBe(false);
  expect(press('keydown', 'ScrollLock')).toBe(true);
  watch.forget();
  press('keyup', 'ScrollLock');
  expect(done).toEqual([]);
});
