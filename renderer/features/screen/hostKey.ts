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
  KeyT: 'snapshot',
  KeyP: 'pause',
  KeyR: 'reset',
  KeyH: 'shutDown',
  KeyQ: 'close',
  Delete: 'ctrlAltDelete',
} as const;
export type HostCommand = (typeof commands)[keyof typeof commands];

/** The key of a command, as it is written: "Right Ctrl+F". */
export function hostKeys(command: HostCommand): string {
  const code = Object.entries(commands).find(([, name]) => name === command)![0];
  return `${hostKeyName()}+${code === 'Delete' ? 'Del' : code.replace('Key', '')}`;
}

export function hostCommand(code: string): HostCommand | undefined {
  return (commands as Readonly<Record<string, HostCommand>>)[code];
}

type Keystroke = Pick<KeyboardEvent, 'type' | 'code' | 'repeat'>;

/** Follows the host key through keystrokes: pressed and released alone it leaves, with another key it commands. */
export class HostKeyWatch {
  #state: 'up' | 'alone' | 'used' = 'up';
  readonly #acts: { leave(): void; command(command: HostCommand): void };
  /** What other keys do with it; undefined: all of them are the window's. */
  readonly #known: ReadonlySet<HostCommand> | undefined;

  constructor(
    acts: { leave(): void; command(command: HostCommand): void },
    known?: ReadonlySet<HostCommand>,
  ) {
    this.#acts = acts;
    this.#known = known;
  }

  /** Whether the keystroke is the window's. */
  takes({ type, code, repeat }: Keystroke): boolean {
    if (code === hostKeyCode()) {
      if (type === 'keydown') {
        if (!repeat) this.#state = 'alone';
      } else if (type === 'keyup') {
        const alone = this.#state === 'alone';
        this.#state = 'up';
        if (alone) this.#acts.leave();
      }
      return true;
    }
    if (this.#state === 'up' || type === 'keyup') return false;
    this.#state = 'used';
    const command = hostCommand(code);
    const mine = command !== undefined && (this.#known?.has(command) ?? true);
    if (mine && type === 'keydown' && !repeat) this.#acts.command(command);
    return mine || this.#known === undefined;
  }

  /** The keyboard has gone elsewhere. */
  forget(): void {
    this.#state = 'up';
  }
}
