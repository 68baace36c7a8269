import { utilityProcess } from 'electron';
import { ChannelEvents } from '../../shared/rpc/channel.ts';
import type { ProcessExit, VmProcess, VmProcessStarter } from '../manager/vmProcessStarter.ts';
import { utilityExit } from './utilityExit.ts';

const lastWordsLength = 4096;
const deliveryMs = 50;

/** VM processes as Electron's utility processes. `entry` is the built emulator/host/vmProcess. */
export function electronVmStarter(entry: string): VmProcessStarter {
  return { start: (label) => startUtility(entry, label) };
}

function startUtility(entry: string, label: string): VmProcess {
  const child = utilityProcess.fork(entry, [label], {
    serviceName: `Guesthouse: ${label}`,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events = new ChannelEvents();
  let words = '';
  const listen = (chunk: Buffer) => {
    words = (words + chunk.toString('utf8')).slice(-lastWordsLength);
  };
  child.stdout?.on('data', listen);
  child.stderr?.on('data', listen);
  child.on('message', (message: unknown) => events.deliver(message));
  child.on('error', (type, location) => {
    words = `${words}\n${type} at ${location}`.slice(-lastWordsLength);
  });
  let gone = false;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.on('exit', (code) => {
      gone = true;
      // Its last messages may be told of a moment later.
      setTimeout(() => resolve(utilityExit(code, process.platform)), deliveryMs);
    });
  });
  void exited.then(() => events.closeWith('The process of the VM has ended.'));
  return {
    get pid() {
      return child.pid;
    },
    channel: {
      post: (message) => {
        if (!gone) child.postMessage(message);
      },
      onMessage: (listener) => events.onMessage(listener),
      onClose: (listener) => events.onClose(listener),
      close: () => void child.kill(),
    },
    exited,
    lastWords: () => words.trim(),
    kill: () => {
      if (process.platform !== 'win32' && child.pid !== undefined && !gone)
        process.kill(child.pid, 'SIGKILL');
      else child.kill();
    },
  };
}
