import { ChannelEvents, type Channel } from './channel.ts';

/** What DOM MessagePort, Node's MessagePort and Electron's wrapped MessagePortMain have in common. */
export interface PortLike {
  postMessage(message: unknown): void;
  addEventListener(
    type: 'message' | 'close' | 'messageerror',
    listener: (event: { data?: unknown }) => void,
  ): void;
  start?(): void;
  close(): void;
}

export function messagePortChannel(port: PortLike): Channel {
  const events = new ChannelEvents();
  port.addEventListener('message', (event) => events.deliver(event.data));
  port.addEventListener('close', () => events.closeWith('The other side has gone.'));
  port.start?.();
  return {
    post: (message) => {
      if (!events.closed) port.postMessage(message);
    },
    onMessage: (listener) => events.onMessage(listener),
    onClose: (listener) => events.onClose(listener),
    close: () => {
      if (events.closeWith('Closed.')) port.close();
    },
  };
}
