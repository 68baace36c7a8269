import type { MessagePortMain } from 'electron';
import type { Channel } from '../../shared/rpc/channel.ts';
import { messagePortChannel } from '../../shared/rpc/messagePortChannel.ts';

/** The main process's end of a MessageChannelMain, which is an emitter instead of an EventTarget. */
export function portMainChannel(port: MessagePortMain): Channel {
  return messagePortChannel({
    postMessage: (message) => port.postMessage(message),
    addEventListener: (type, listener) => {
      if (type === 'message')
        port.on('message', ({ data }: { data: unknown }) => listener({ data }));
      else if (type === 'close') port.on('close', () => listener({}));
    },
    start: () => port.start(),
    close: () => port.close(),
  });
}
