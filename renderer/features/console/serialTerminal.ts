import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { t } from '../../i18n/i18n.ts';
import type { VmState } from '../../../shared/vm/lifecycle.ts';
import { monospace } from '../../app/theme.ts';
import type { Connection } from '../../transport/connection.ts';
import { report } from '../notices/noticeStore.ts';
import { HostKeyWatch, type HostCommand } from '../screen/hostKey.ts';
import { machineCommands } from '../screen/useHostCommands.ts';
import { consoleKey } from './consoleKeys.ts';

const portIndex = 0;
/** Well below what one call may carry. */
const pieceLength = 1 << 16;

const colors = {
  background: '#0c1215',
  foreground: '#d7e0e3',
  cursor: '#f2b65a',
  selectionBackground: '#2d5f6a',
  black: '#1a2226',
  brightBlack: '#6b7c84',
  red: '#ef6b6b',
  green: '#6fcf8a',
  yellow: '#f2b65a',
  blue: '#6ca8f0',
  magenta: '#c792ea',
  cyan: '#67c7d4',
  white: '#d7e0e3',
};

/**
 * The terminal on a machine's first serial port. It outlives the page that shows it, so that its
 * text is still there after looking elsewhere and after the machine is off.
 */
export class SerialTerminal {
  readonly terminal: Terminal;
  /** Asks that the keyboard go back to the window. */
  onLeave: () => void = () => undefined;
  /** The host key was pressed with another, which is a command for the machine. */
  onCommand: (command: HostCommand) => void = () => undefined;
  private readonly connection: Connection;
  private readonly vmId: string;
  private readonly host = document.createElement('div');
  private readonly fitAddon = new FitAddon();
  private readonly stopListening: () => void;
  private opened = false;
  private live = false;
  /** The epoch of the connection over which it is attached or being attached. */
  private attachedEpoch: number | undefined;
  /** While true, what arrives is in the history that is about to arrive too. */
  private attaching = false;

  constructor(connection: Connection, vmId: string) {
    this.connection = connection;
    this.vmId = vmId;
    this.host.style.height = '100%';
    this.terminal = new Terminal({
      fontFamily: monospace,
      fontSize: 13,
      lineHeight: 1.15,
      scrollback: 10_000,
      cursorBlink: true,
      theme: colors,
      macOptionIsMeta: true,
      rightClickSelectsWord: true,
      screenReaderMode: screenReaderWanted(),
    });
    this.terminal.loadAddon(this.fitAddon);
    this.terminal.onData((text) => this.send(new TextEncoder().encode(text)));
    this.terminal.onBinary((text) => this.send(Uint8Array.from(text, (one) => one.charCodeAt(0))));
    const hostKey = new HostKeyWatch(
      { leave: () => this.onLeave(), command: (command) => this.onCommand(command) },
      new Set(machineCommands),
    );
    this.terminal.attachCustomKeyEventHandler((event) => {
      if (hostKey.takes(event)) {
        event.preventDefault();
        return false;
      }
      const key = consoleKey(event, this.terminal.hasSelection());
      if (key === 'guest') return true;
      if (event.type === 'keydown' && key === 'copy') {
        event.preventDefault();
        this.copy();
      }
      if (event.type === 'keydown' && key === 'leave') {
        event.preventDefault();
        this.onLeave();
      }
      // 'paste' is left to the browser, which then fires the paste event xterm listens to.
      return false;
    });
    this.stopListening = connection.events.on('serialOutput', (id, port, bytes) => {
      if (id === vmId && port === portIndex && !this.attaching) this.terminal.write(bytes);
    });
  }

  /** Told of every change; attaches anew to every run and over every connection. */
  follow(state: VmState, epoch: number): void {
    const live = !['poweredOff', 'saved', 'aborted'].includes(state);
    const newRun = live && !this.live;
    this.live = live;
    if (newRun || this.attachedEpoch !== epoch) void this.attach(epoch);
  }

  private async attach(epoch: number): Promise<void> {
    this.attachedEpoch = epoch;
    this.attaching = true;
    try {
      const history = await this.connection.session.attachSerial(this.vmId, portIndex);
      this.terminal.reset();
      this.terminal.write(history);
    } catch {
      // The connection was lost, or it is not yet ready: the next change tries again.
      this.attachedEpoch = undefined;
    } finally {
      this.attaching = false;
    }
  }

  private send(bytes: Uint8Array): void {
    if (this.attachedEpoch === undefined || !this.live) return;
    for (let start = 0; start < bytes.length; start += pieceLength)
      this.connection.session
        .sendSerial(this.vmId, portIndex, bytes.subarray(start, start + pieceLength))
        .catch((error: unknown) => {
          // The loss of the connection is shown by itself.
          if (this.live && this.connection.state.kind === 'open')
            report(t('console.inputLost'), error);
        });
  }

  mount(container: HTMLElement): void {
    container.append(this.host);
    if (!this.opened) this.terminal.open(this.host);
    this.opened = true;
    this.fit();
  }

  unmount(): void {
    this.host.remove();
  }

  fit(): void {
    if (this.host.clientWidth > 0 && this.host.clientHeight > 0) this.fitAddon.fit();
  }

  copy(): void {
    const text = this.terminal.getSelection();
    if (text)
      navigator.clipboard
        .writeText(text)
        .catch((error: unknown) => report(t('console.copyFailed'), error));
  }

  async paste(): Promise<void> {
    try {
      this.terminal.paste(await navigator.clipboard.readText());
    } catch {
      report(t('clipboard.failed'), {
        message: t('clipboard.refused'),
        hint: t('clipboard.hint'),
      });
    }
  }

  dispose(): void {
    this.stopListening();
    this.unmount();
    this.terminal.dispose();
  }
}

const screenReaderKey = 'guesthouse.screenReader';

export function screenReaderWanted(): boolean {
  return localStorage.getItem(screenReaderKey) === 'on';
}

/** Of all terminals, now and in future: it builds a second, readable copy of the screen. */
export function setScreenReader(on: boolean): void {
  localStorage.setItem(screenReaderKey, on ? 'on' : 'off');
  for (const { terminal } of terminals.values()) terminal.options.screenReaderMode = on;
}

const terminals = new Map<string, SerialTerminal>();

export function terminalOf(connection: Connection, vmId: string): SerialTerminal {
  let found = terminals.get(vmId);
  if (!found) terminals.set(vmId, (found = new SerialTerminal(connection, vmId)));
  return found;
}

/** Lets go of the terminals of machines that are no more. */
export function keepTerminals(vmIds: ReadonlySet<string>): void {
  for (const [vmId, terminal] of terminals) {
    if (vmIds.has(vmId)) continue;
    terminal.dispose();
    terminals.delete(vmId);
  }
}
