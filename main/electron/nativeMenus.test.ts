import type { MenuItemConstructorOptions } from 'electron';
import { expect, test } from 'vitest';
import { macMenu, trayMenu, trayTip } from './nativeMenus.ts';
import { filled, shellTexts } from './shellTexts.ts';

const { tray, menu } = shellTexts('en', 'fr');
const vms = [
  { id: '1', name: 'a & b', state: 'running' },
  { id: '2', name: 'c', state: 'paused' },
  { id: '3', name: 'd', state: 'saved' },
] as const;
const press = (item: MenuItemConstructorOptions | undefined): void =>
  (item?.click as (() => void) | undefined)?.();

test('the tray lists the machines that are on, with what can be done', () => {
  const done: string[] = [];
  const items = trayMenu(vms, tray, {
    showManager: () => done.push('manager'),
    showVm: (id) => done.push(`show ${id}`),
    act: (what, id) => done.push(`${what} ${id}`),
    quit: () => done.push('quit'),
  });
  expect(items.map(({ label }) => label).filter(Boolean)).toEqual([
    'Show Guesthouse',
    'a && b',
    'c',
    'Quit',
  ]);
  const sub = (index: number) =>
    items.filter(({ submenu }) => submenu)[index]!.submenu as MenuItemConstructorOptions[];
  expect(sub(0).map(({ label }) => label)).toEqual(['Show', 'Pause', 'ACPI shutdown']);
  // A paused guest hears no power button.
  expect(sub(1).map(({ enabled }) => enabled ?? true)).toEqual([true, true, false]);
  press(items[0]);
  press(sub(0)[1]);
  press(sub(1)[1]);
  press(items.at(-1));
  expect(done).toEqual(['manager', 'pause 1', 'resume 2', 'quit']);
  expect(trayTip(vms, tray)).toBe('Guesthouse: 2 running');
});

test('without machines that are on the tray says so', () => {
  const acts = { showManager() {}, showVm() {}, act() {}, quit() {} };
  expect(trayMenu([], tray, acts).some(({ label }) => label === 'No machine is running')).toBe(
    true,
  );
  expect(trayTip([], tray)).toBe('Guesthouse');
});

test('macOS’s menus have its usual roles, and command the window', () => {
  const asked: string[] = [];
  const items = macMenu(menu, (command) => asked.push(command));
  expect(items.map(({ role, label }) => role ?? label)).toEqual([
    ...['appMenu', 'File', 'editMenu', 'Tools', 'windowMenu', 'help'],
  ]);
  const all = items.flatMap(({ submenu }) => (submenu as MenuItemConstructorOptions[]) ?? []);
  all.forEach(press);
  expect(asked.sort()).toEqual(['import', 'keys', 'media', 'network', 'newVm', 'preferences']);
});

test('texts are in the chosen language, or else the system’s', () => {
  expect(shellTexts(undefined, 'de-AT').tray.quit).toBe('Beenden');
  expect(shellTexts('en', 'de-AT').tray.quit).toBe('Quit');
  expect(filled('{a} and {b}', { a: 1 })).toBe('1 and {b}');
});
