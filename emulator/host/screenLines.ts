/**
 * Windows' own connections to a machine's screen, on the process' main thread: frames come from the machine's thread
 * and go out as they are, so that neither the manager nor the machine spends time on them (see framePump.ts).
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import { WebSocketServer, type WebSocket } from 'ws';
import { screenProtocol, type ScreenHandover } from '../../shared/rpc/screenSocket.ts';
import { encodeFrame, frameDrawn, framesUnderWay } from '../../shared/vm/frameCodec.ts';
import type { Frame } from '../../shared/vm/frames.ts';

/** Main thread to machine: a viewer wants its next frame. */
export interface FrameQuestion {
  readonly viewer: number;
}
/** The answer; without a frame there will be none: the machine is off or has no screen. */
export interface FrameAnswer {
  readonly viewer: number;
  readonly frame?: Frame;
}

export class ScreenLines {
  readonly #machine: MessagePort;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: 16,
    perMessageDeflate: false,
    handleProtocols: () => screenProtocol,
  });
  readonly #lines = new Map<number, ScreenLine>();
  #last = 0;

  constructor(machine: MessagePort) {
    this.#machine = machine;
    machine.on('message', ({ viewer, frame }: FrameAnswer) =>
      this.#lines.get(viewer)?.deliver(frame),
    );
  }

  /** Takes a connection whose request the server has checked. */
  take({ headers, head }: ScreenHandover, socket: Socket): void {
    const viewer = ++this.#last;
    const request = { method: 'GET', headers, url: '/' } as unknown as IncomingMessage;
    socket.on('error', () => undefined);
    this.#sockets.handleUpgrade(request, socket, Buffer.from(head), (window) => {
      const ask = (): void => this.#machine.postMessage({ viewer } satisfies FrameQuestion);
      this.#lines.set(viewer, new ScreenLine(window, ask));
      window.on('close', () => this.#lines.delete(viewer));
    });
  }
}

/** Never more frames under way than the window answers: a slow one gets fewer, not later ones. */
class ScreenLine {
  readonly #window: WebSocket;
  readonly #ask: () => void;
  #credit = framesUnderWay;
  #asked = false;

  constructor(window: WebSocket, ask: () => void) {
    this.#window = window;
    this.#ask = ask;
    window.on('error', () => undefined);
    window.on('message', (data: Buffer) => {
      if (data[0] !== frameDrawn) return;
      this.#credit = Math.min(framesUnderWay, this.#credit + 1);
      this.#next();
    });
    this.#next();
  }

  deliver(frame: Frame | undefined): void {
    this.#asked = false;
    if (frame === undefined) return this.#window.close(1000);
    if (this.#window.readyState !== this.#window.OPEN) return;
    this.#credit--;
    this.#window.send(encodeFrame(frame));
    this.#next();
  }

  #next(): void {
    if (this.#asked || this.#credit === 0) return;
    this.#asked = true;
    this.#ask();
  }
}
