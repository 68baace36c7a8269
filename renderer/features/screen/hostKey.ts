import type { HostKeyCode } from '../../../shared/vm/preferences.ts';
import { t } from '../../i18n/i18n.ts';

/** By default Right Ctrl, on a Mac the left ⌘: with other keys it commands the window, alone it frees the pointer. */
export const isMac = /^Mac/.test(globalThis.navigator?.platform ?? '');
const defaultCode: HostKeyCode = isMac ? 'MetaLeft' : 'ControlRight';
let chosen: HostKeyCode | undefined;

export const hostKeyCode = (): HostKeyCode => chosen ?? defaultCode;
export const defaultHostKeyName = (): string => t(isMac ? 'hostKey.mac' : 'hostKey.other');
export const hostKeyName = (): string =>
  chosen === undefined ? defaultHostKeyName() : t(`preferences.keys.${chosen}`);
/** undefined: the one by default. */
export function chooseHostKey(code: HostKeyCode | undefined): void {
  chosen = code;
}

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
