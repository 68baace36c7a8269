import { screenProtocols, screenSocketPath } from '../../shared/rpc/screenSocket.ts';
import { decodeFrame, frameDrawn } from '../../shared/vm/frameCodec.ts';
import type { Frame } from '../../shared/vm/frames.ts';
import { storedToken } from './token.ts';

export interface ScreenLine {
  /** Resolves when it has ended, or could not be opened. */
  readonly closed: Promise<void>;
  close(): void;
}

/** A connection of its own for a machine's frames; undefined in shells that have none. */
export function openScreenLine(vmId: string, draw: (frame: Frame) => void): ScreenLine | undefined {
  const token = globalThis.guesthouse === undefined ? storedToken(window) : undefined;
  if (token === undefined) return undefined;
  const address = new URL(screenSocketPath, location.origin);
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  address.searchParams.set('vm', vmId);
  const socket = new WebSocket(address, screenProtocols(token));
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => {
    try {
      draw(decodeFrame(data as ArrayBuffer));
      socket.send(Uint8Array.of(frameDrawn));
    } catch {
      socket.close();
    }
  };
  return {
    closed: new Promise((resolve) => socket.addEventListener('close', () => resolve())),
    close: () => socket.close(),
  };
}
