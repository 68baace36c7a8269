/** Their keys are pressed with Shift. */
const snapshotKeys = { takeSnapshot: 'T', restoreSnapshot: 'R', deleteSnapshot: 'D' } as const;
export type SnapshotShortcut = keyof typeof snapshotKeys;

export type ShortcutName =
  'newVm' | 'add' | 'settings' | 'clone' | 'media' | 'network' | 'log' | 'search';

const keys: Record<ShortcutName, { readonly code: string; readonly letter: string }> = {
  newVm: { code: 'KeyN', letter: 'N' },
  add: { code: 'KeyA', letter: 'A' },
  settings: { code: 'KeyS', letter: 'S' },
  clone: { code: 'KeyO', letter: 'O' },
  media: { code: 'KeyD', letter: 'D' },
  network: { code: 'KeyH', letter: 'H' },
  log: { code: 'KeyL', letter: 'L' },
  search: { code: 'KeyF', letter: 'F' },
};

type Keystroke = Pick<
  KeyboardEvent,
  'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'target' | 'defaultPrevented'
>;

const isMac = () => /^Mac/.test(navigator.platform);
/** Browsers keep Ctrl+N to themselves; there Alt+N does it. */
const isBrowser = () => !('guesthouse' in globalThis);

/** The shortcut of this keystroke. None belongs to the window while the console has the keyboard. */
export function shortcutOf(event: Keystroke): ShortcutName | undefined {
  if (event.target instanceof Element && event.target.closest('.xterm')) return undefined;
  if (event.shiftKey) return undefined;
  const control = isMac() ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
  const names = Object.keys(keys) as ShortcutName[];
  const name = names.find((one) => keys[one].code === event.code);
  if (!name) return undefined;
  // In a field, and in the list of machines, it selects all.
  const selects = event.target instanceof Element && event.target.closest('input, textarea');
  if (name === 'add' && (selects || event.defaultPrevented)) return undefined;
  if (control && !event.altKey) return name;
  const alternative = name === 'newVm' && isBrowser() && event.altKey;
  return alternative && !event.ctrlKey && !event.metaKey ? name : undefined;
}

/** Browsers keep some of these to themselves: there Alt does it. */
export function snapshotShortcutOf(event: Keystroke): SnapshotShortcut | undefined {
  if (!event.shiftKey) return undefined;
  if (event.target instanceof Element && event.target.closest('.xterm')) return undefined;
  const modifiers = [event.ctrlKey, event.metaKey, event.altKey];
  const wanted = isBrowser()
    ? [false, false, true]
    : isMac()
      ? [false, true, false]
      : [true, false, false];
  if (String(modifiers) !== String(wanted)) return undefined;
  const names = Object.keys(snapshotKeys) as SnapshotShortcut[];
  return names.find((name) => event.code === `Key${snapshotKeys[name]}`);
}

export function snapshotShortcutText(name: SnapshotShortcut): string {
  const modifier = isBrowser() ? 'Alt+Shift+' : isMac() ? '⇧⌘' : 'Ctrl+Shift+';
  return modifier + snapshotKeys[name];
}

export function shortcutText(name: ShortcutName): string {
  const modifier = name === 'newVm' && isBrowser() ? 'Alt+' : isMac() ? '⌘' : 'Ctrl+';
  return modifier + keys[name].letter;
}
