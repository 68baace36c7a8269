/**
 * `guesthouse run`: one machine in this process, without the library. The machine lives on the main
 * thread; its slices leave the event loop room for stdin, signals and the time limit.
 */
import { writeSync } from 'node:fs';
import {
  type MachineRequest,
  type RunModule,
  type RunOptions,
} from '../../shared/vm/machineRequest.ts';
import { runExit } from '../../shared/vm/runExit.ts';
import type { InputEvent } from '../../shared/input/inputEvent.ts';
import type { MachineEnd } from '../machine/machine.ts';
import { buildMachine } from './buildMachine.ts';
import { RunScreen } from './runScreen.ts';
import { CharacterQueue } from './characterQueue.ts';

/** How often the text of the screen is looked at for --until-screen, in milliseconds. */
const screenLookMs = 10;
const escapeByte = 0x1d; // Ctrl-]
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGPIPE: 13, SIGTERM: 15 } as const;

type Ending =
  | { readonly kind: 'guest'; readonly end: MachineEnd }
  | { readonly kind: 'timeout' | 'escape' | 'screen' }
  | { readonly kind: 'hostFailure'; readonly message: string }
  | { readonly kind: 'signal'; readonly number: number };

/** Loaded only where it is asked for, as what other runs do not need. */
export const probeKvm: RunModule['probeKvm'] = async () =>
  (await import('./probeKvm.ts')).probeKvm();

export const runMachine: RunModule['runMachine'] = async (request, options) => {
  const brokenPipe = Promise.withResolvers<Ending>();
  const print = (bytes: Uint8Array): void => {
    if (!writeStdout(bytes)) brokenPipe.resolve({ kind: 'signal', number: signalNumbers.SIGPIPE });
  };
  const serial = new CharacterQueue(options.serial === 'stdio' ? print : () => undefined);
  const cleanup: (() => void)[] = [];
  const outside = outsideEndings(options, cleanup);
  const hostFailure = Promise.withResolvers<Ending>();
  const built = await buildMachine(request, {
    serial: [serial],
    report: complain,
    hostFailure: (message) => hostFailure.resolve({ kind: 'hostFailure', message }),
  });
  const { machine } = built;
  const input = (event: InputEvent): void => machine.input(event);
  const screen = new RunScreen({ input, display: machine.display, complain });
  try {
    const escape =
      options.serial === 'stdio' ? feedStdin(serial, cleanup) : new Promise<never>(() => undefined);
    built.machine.start();
    screen.start(options.screenshots, options.keys);
    const ending = await Promise.race<Ending>([
      built.machine.ended.then((end) => ({ kind: 'guest', end })),
      escape,
      outside,
      hostFailure.promise,
      brokenPipe.promise,
      ...(options.untilScreen === undefined
        ? []
        : [untilScreen(screen, options.untilScreen, print, cleanup)]),
    ]);
    serial.flush();
    await screen.finish();
    const text = options.screenText ? screen.text() : undefined;
    if (text !== undefined) print(new TextEncoder().encode(text));
    if (options.stats)
      printCounters({ ...built.machine.counters(), ...built.networks?.counters() });
    return exitCode(ending, request, options);
  } finally {
    for (const undo of cleanup) undo();
    await built.close();
  }
};

function outsideEndings(options: RunOptions, cleanup: (() => void)[]): Promise<Ending> {
  return new Promise((resolve) => {
    if (options.maxSeconds !== undefined) {
      const timer = setTimeout(() => resolve({ kind: 'timeout' }), options.maxSeconds * 1000);
      cleanup.push(() => clearTimeout(timer));
    }
    for (const [name, number] of Object.entries(signalNumbers)) {
      const listener = (): void => resolve({ kind: 'signal', number });
      process.on(name, listener);
      cleanup.push(() => process.off(name, listener));
    }
  });
}

function untilScreen(
  screen: RunScreen,
  text: string,
  print: (bytes: Uint8Array) => void,
  cleanup: (() => void)[],
): Promise<Ending> {
  return new Promise((resolve) => {
    const look = (): void => {
      const line = screen.lineWith(text);
      if (line === undefined) return;
      clearInterval(timer);
      print(new TextEncoder().encode(`${line}\n`));
      resolve({ kind: 'screen' });
    };
    const timer = setInterval(look, screenLookMs);
    cleanup.push(() => clearInterval(timer));
  });
}

/** Keys go to the guest raw; resolves on the escape key, which only a terminal has. */
function feedStdin(serial: CharacterQueue, cleanup: (() => void)[]): Promise<Ending> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const terminal = stdin.isTTY;
    if (terminal) {
      process.stderr.write('Press Ctrl-] to end the machine.\n');
      stdin.setRawMode(true);
      cleanup.push(() => stdin.setRawMode(false));
    }
    serial.onDrained = () => stdin.resume();
    stdin.on('data', (chunk: Buffer) => {
      if (terminal && chunk.includes(escapeByte)) {
        resolve({ kind: 'escape' });
        return;
      }
      serial.send(chunk);
      if (serial.waiting > 65_536) stdin.pause();
    });
    // A closed stdin is no input, not the end of the machine.
    stdin.on('error', () => undefined);
    cleanup.push(() => stdin.destroy());
  });
}

/** Unbuffered and complete: a full pipe makes the guest wait. False if nobody reads it any more. */
function writeStdout(bytes: Uint8Array): boolean {
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writeSync(1, bytes, offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EAGAIN') return code !== 'EPIPE';
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
  return true;
}

function complain(line: string): void {
  process.stderr.write(`guesthouse: ${line}\n`);
}

function exitCode(ending: Ending, request: MachineRequest, options: RunOptions): number {
  switch (ending.kind) {
    case 'timeout':
      complain(`the machine ran longer than ${options.maxSeconds} s.`);
      return runExit.timeout;
    case 'hostFailure':
      complain(`the machine cannot go on: ${ending.message}`);
      return runExit.unusable;
    case 'screen':
      return runExit.screenSeen;
    case 'escape':
      return runExit.interrupted;
    case 'signal':
      return 128 + ending.number;
    case 'guest':
      return guestExitCode(ending.end, request);
  }
}

function guestExitCode(end: MachineEnd, request: MachineRequest): number {
  switch (end.kind) {
    case 'powerOff':
      return runExit.powerOff;
    case 'debugExit':
      return request.debugExit ? ((end.value << 1) | 1) & 0xff : runExit.powerOff;
    case 'tripleFault':
      complain(`the guest crashed: ${end.detail}.`);
      return runExit.unusable;
    case 'failure':
      complain(`the machine cannot go on: ${end.detail}`);
      return runExit.unusable;
  }
}

function printCounters(counters: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counters)) process.stderr.write(`${name}: ${value}\n`);
}
