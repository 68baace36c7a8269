import { t } from '../../i18n/i18n.ts';

/** Right Ctrl, on a Mac the left ⌘: with other keys it commands the window, alone it frees the pointer. */
export const isMac = /^Mac/.test(globalThis.navigator?.platform ?? '');
export const hostKeyCode = isMac ? 'MetaLeft' : 'ControlRight';
export const hostKeyName = (): string => t(isMac ? 'hostKey.mac' : 'hostKey.other');

const commands = {
  KeyF: 'fullScreen',
  KeyC: 'scaled',
  KeyE: 'screenshot',
  KeyP: 'pause',
  KeyR: 'reset',
  KeyH: 'shutDown',
  KeyQ: 'powerOff',
  Delete: 'ctrlAltDelete',
} as const;
export type HostCommand = (typeof commands)[keyof typeof commands];

export function hostCommand(code: string): HostCommand | undefined {
  return (commands as Readonly<Record<string, HostCommand>>)[code];
}
