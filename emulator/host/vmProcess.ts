/**
 * The process of one VM, started by a VmProcessStarter. The main thread only keeps the line to the
 * manager and watches; the machine lives in a worker. Exits with the machine, and when the manager
 * has gone.
 */
import { Socket } from 'node:net';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { isScreenHandover } from '../../shared/rpc/screenSocket.ts';
import { ScreenLines } from './screenLines.ts';

/** The line to the starter: Node's IPC, or Electron's parentPort in a utility process. */
interface ParentLine {
  post(message: unknown): void;
  /** `handle`: a connection that the manager hands over. */
  onMessage(listener: (message: unknown, handle?: unknown) => void): void;
  onGone(listener: () => void): void;
  /** Calls back when everything posted has left this process. */
  drain(done: () => void): void;
}

interface UtilityPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): void;
}

const managerGone = 75;
const machineBroken = 70;

function parentLine(): ParentLine {
  const utility = (process as unknown as { parentPort?: UtilityPort }).parentPort;
  if (utility) {
    return {
      post: (message) => utility.postMessage(message),
      onMessage: (listener) => utility.on('message', (event) => listener(event.data)),
      // Electron ends its utility processes itself.
      onGone: () => undefined,
      drain: (done) => void setTimeout(done, 50),
    };
  }
  const send = process.send?.bind(process);
  if (!send) throw new Error('vmProcess.ts is started by a manager, not by hand.');
  let inFlight = 0;
  let whenDrained: (() => void) | undefined;
  return {
    post: (message) => {
      inFlight++;
      send(message as object, undefined, {}, () => {
        if (--inFlight === 0) whenDrained?.();
      });
    },
    onMessage: (listener) => void process.on('message', listener),
    onGone: (listener) => void process.on('disconnect', listener),
    drain: (done) => {
      if (inFlight === 0) done();
      else whenDrained = done;
    },
  };
}

function main(): void {
  const line = parentLine();
  const { port1, port2 } = new MessageChannel();
  const screens = new MessageChannel();
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./machineWorker.${extension}`, import.meta.url), {
    workerData: { port: port2 satisfies MessagePort, screens: screens.port2 },
    transferList: [port2, screens.port2],
  });
  const lines = new ScreenLines(screens.port1);
  // Only the machine keeps this process alive.
  screens.port1.unref();
  let failed = false;
  let gone = false;
  // Messages pass through as they are; the worker answers them.
  port1.on('message', (message: unknown) => line.post(message));
  line.onMessage((message, handle) => {
    if (!isScreenHandover(message)) port1.postMessage(message);
    else if (handle instanceof Socket) lines.take(message, handle);
  });
  worker.on('error', (error) => {
    failed = true;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${text}\n`);
  });
  worker.on('exit', (code) => {
    const exitCode = failed ? machineBroken : code;
    // What was being sent to a manager that has gone never leaves.
    if (gone) process.exit(managerGone);
    // The worker's last words may still be on their way through port1.
    setImmediate(() => line.drain(() => process.exit(exitCode)));
  });
  line.onGone(() => {
    gone = true;
    port1.close();
    // The worker sees its port close, ends the machine cleanly, and exits; but not for ever.
    setTimeout(() => process.exit(managerGone), 5000).unref();
  });
  // Ctrl-C in a terminal reaches the whole process group; the manager decides what it means.
  process.on('SIGINT', () => undefined);
}

main();
