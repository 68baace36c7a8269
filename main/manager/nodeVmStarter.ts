import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ChannelEvents } from '../../shared/rpc/channel.ts';
import { engineEntry } from './engineEntry.ts';
import type { ProcessExit, VmProcess, VmProcessStarter } from './vmProcessStarter.ts';

/** VM processes as children of this Node process, on the same Node binary. */
export function nodeVmStarter(entry = fileURLToPath(engineEntry('vmProcess'))): VmProcessStarter {
  return { start: (label) => startChild(entry, label) };
}

function startChild(entry: string, label: string): VmProcess {
  const child = fork(entry, [label], {
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
  });
  const events = new ChannelEvents();
  const stderr = new Tail(4096);
  child.stdout?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.on('message', (message) => events.deliver(message));
  // After 'close' the pipes, after 'disconnect' the IPC channel have delivered everything.
  const disconnected = new Promise<void>((resolve) => child.on('disconnect', resolve));
  const exited = new Promise<ProcessExit>((resolve) => {
    child.on('error', (error) => {
      stderr.push(Buffer.from(error.message));
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
    child.on('close', (code, signal) => void disconnected.then(() => resolve({ code, signal })));
  });
  void exited.then(() => events.closeWith('The process of the VM has ended.'));
  return {
    pid: child.pid,
    channel: {
      post: (message) => {
        if (child.connected) child.send(message as object, () => undefined);
      },
      onMessage: (listener) => events.onMessage(listener),
      onClose: (listener) => events.onClose(listener),
      close: () => {
        if (child.connected) child.disconnect();
      },
    },
    exited,
    takeScreen: (handover, socket) => {
      if (child.connected) child.send(handover, socket, () => socket.destroy());
      else socket.destroy();
    },
    lastWords: () => stderr.text(),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** The end of a stream of text. */
class Tail {
  private bytes = Buffer.alloc(0);
  private readonly size: number;
  constructor(size: number) {
    this.size = size;
  }
  push(chunk: Buffer): void {
    this.bytes = Buffer.concat([this.bytes, chunk]).subarray(-this.size);
  }
  text(): string {
    return this.bytes.toString('utf8').trim();
  }
}
