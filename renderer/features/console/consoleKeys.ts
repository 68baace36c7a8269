type Key = Pick<
  KeyboardEvent,
  'code' | 'ctrlKey' | 'shiftKey' | 'altKey' | 'metaKey' | 'type' | 'key'
>;

/**
 * Whose a keystroke in the console is. All but these few belong to the guest, Ctrl+C, Ctrl+S and
 * Tab included.
 */
export function consoleKey(
  event: Key,
  hasSelection: boolean,
): 'guest' | 'copy' | 'paste' | 'leave' {
  const { code, ctrlKey, shiftKey, altKey, metaKey } = event;
  if (altKey) return 'guest';
  if (ctrlKey && !shiftKey && !metaKey && code === 'F6') return 'leave';
  const clipboard = metaKey ? !ctrlKey && !shiftKey : ctrlKey && shiftKey;
  if (clipboard && code === 'KeyC') return 'copy';
  if (clipboard && code === 'KeyV') return 'paste';
  if (ctrlKey && !shiftKey && !metaKey && code === 'Insert' && hasSelection) return 'copy';
  if (shiftKey && !ctrlKey && !metaKey && code === 'Insert') return 'paste';
  return 'guest';
}
