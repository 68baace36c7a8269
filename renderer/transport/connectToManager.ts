import type { Channel } from '../../shared/rpc/channel.ts';
import { messagePortChannel } from '../../shared/rpc/messagePortChannel.ts';
import { createConnection, type Connection } from './connection.ts';
import { openWebSocket } from './openWebSocket.ts';

/** What Electron's preload script puts on the page. */
export interface ShellBridge {
  /** Asks the main process for a port to the services; it arrives as a window message. */
  requestPort(): void;
  /** Where a file that was dropped or chosen lies. */
  pathOf?(file: File): string;
  /** Shows a machine in a window of its own. */
  openVm?(vmId: string): void;
  /** Closes this window without asking. */
  closeWindow?(): void;
  showManager?(): void;
  /** Hears what the shell asks of this window (shared/shell/shellRequest.ts); returns how to stop. */
  onRequest?(listener: (request: unknown) => void): () => void;
}
/** `data` of that window message; the port is in `ports`. */
export const portMessage = 'guesthouse:port';

declare global {
  var guesthouse: ShellBridge | undefined;
}

/** One bundle for every shell: the page finds out at run time where its manager is. */
export function connectToManager(): Connection {
  const bridge = globalThis.guesthouse;
  return createConnection(bridge ? () => openPort(bridge) : openWebSocket);
}

function openPort(bridge: ShellBridge): Promise<Channel> {
  return new Promise((resolve) => {
    const receive = (event: MessageEvent) => {
      const [port] = event.ports;
      if (event.source !== window || event.data !== portMessage || !port) return;
      window.removeEventListener('message', receive);
      resolve(messagePortChannel(port));
    };
    window.addEventListener('message', receive);
    bridge.requestPort();
  });
}
