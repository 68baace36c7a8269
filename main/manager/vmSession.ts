/** One VM while it runs, and what is left of the run afterwards: state, reason, serial output. */
import type { Socket } from 'node:net';
import { z } from 'zod';
import {
  adapterStatusSchema,
  type AdapterChange,
  type AdapterStatus,
} from '../../shared/net/networkStatus.ts';
import type { InputEvent } from '../../shared/input/inputEvent.ts';
import type { MediumDrive } from '../../shared/services/session.ts';
import type { ScreenHandover } from '../../shared/rpc/screenSocket.ts';
import { UserError } from '../../shared/services/errors.ts';
import {
  frameSchema,
  thumbnailSchema,
  type Frame,
  type Thumbnail,
} from '../../shared/vm/frames.ts';
import type { DiskConfig } from '../../shared/vm/config.ts';
import {
  engineInUseSchema,
  engineSwitchedSchema,
  type EngineInUse,
  type EngineName,
  type EngineSwitched,
} from '../../shared/vm/engines.ts';
import type { VmState } from '../../shared/vm/lifecycle.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import {
  controlVm,
  snapshotTakenSchema,
  type DiskLayer,
  type SnapshotTaken,
  type VmControl,
  type VmEnd,
} from '../../shared/vm/vmProtocol.ts';
import { SerialHistory } from './serialHistory.ts';
import type { ProcessExit, VmProcess, VmProcessStarter } from './vmProcessStarter.ts';

export interface VmCondition {
  readonly state: VmState;
  /** Why it was aborted, could not start, or has paused itself. */
  readonly reason?: string;
  readonly hint?: string;
  /** What it runs on, while it runs. */
  readonly engine?: EngineInUse;
}

export interface SessionListener {
  changed(condition: VmCondition): void;
  serialOutput(port: number, bytes: Uint8Array): void;
  log(line: string): void;
}

/** How long a machine may take to close its disks before its process is killed. */
const shutdownMs = 5000;

interface Run {
  readonly process: VmProcess;
  readonly control: VmControl;
  engine?: EngineInUse;
  /** The guest's own end, or what the user asked for. */
  end?: VmEnd | 'shutdown';
}

export class VmSession {
  private readonly starter: VmProcessStarter;
  private readonly listener: SessionListener;
  private histories: SerialHistory[] = [new SerialHistory()];
  private run: Run | undefined;
  private current: VmCondition;

  constructor(starter: VmProcessStarter, listener: SessionListener, before: VmCondition) {
    this.starter = starter;
    this.listener = listener;
    this.current = before;
  }

  get condition(): VmCondition {
    return this.current;
  }

  get active(): boolean {
    return this.run !== undefined;
  }

  /** Resolves when the machine runs. Rejects with the reason why it does not. */
  /** `loaded`: a saved state has been loaded and is about to run. */
  async start(label: string, request: MachineRequest, loaded?: () => Promise<void>): Promise<void> {
    if (this.run) throw wrongState('running already');
    this.histories = [new SerialHistory()];
    this.change({ state: 'starting' });
    const vmProcess = this.starter.start(label);
    const control = controlVm(vmProcess.channel, {
      serialOutput: (port, bytes) => {
        this.histories[port]?.push(bytes);
        this.listener.serialOutput(port, bytes);
      },
      ended: (end) => void (run.end ??= end),
      hostFailure: (message) => this.paused(message),
      report: (line) => this.listener.log(line),
    });
    const run: Run = { process: vmProcess, control };
    this.run = run;
    this.listener.log(`Process ${vmProcess.pid ?? '(none)'} started.`);
    let startError: UserError | undefined;
    const exited = vmProcess.exited.then((exit) => this.exited(run, exit, startError));
    try {
      run.engine = engineInUseSchema.parse(await control.start(request));
      this.listener.log(`Runs on the engine ${describeEngine(run.engine)}.`);
      if (request.state !== undefined) {
        await loaded?.();
        await control.resume();
      }
    } catch (error) {
      startError = error instanceof UserError ? error : undefined;
      const killer = setTimeout(() => vmProcess.kill(), shutdownMs);
      await exited;
      clearTimeout(killer);
      if (startError && startError.code !== 'disconnected') throw startError;
      const { reason, hint } = this.current;
      throw new UserError({
        code: 'aborted',
        message: reason ?? 'The VM was stopped while it was starting.',
        ...(hint === undefined ? {} : { hint }),
      });
    }
    // The guest may have ended, or been stopped, in the meantime.
    if (this.run === run && this.current.state === 'starting') this.change({ state: 'running' });
  }

  async pause(): Promise<void> {
    const run = this.expect('running');
    await run.control.pause();
    if (this.run === run && this.current.state === 'running') this.change({ state: 'paused' });
  }

  async resume(): Promise<void> {
    const run = this.expect('paused');
    await run.control.resume();
    if (this.run === run && this.current.state === 'paused') this.change({ state: 'running' });
  }

  async reset(): Promise<void> {
    await this.expect('running', 'paused').control.reset();
  }

  async switchEngine(name: EngineName): Promise<EngineSwitched> {
    const run = this.expect('running', 'paused');
    const switched = engineSwitchedSchema.parse(await run.control.switchEngine(name));
    run.engine = { name };
    if (this.run === run) {
      this.listener.log(
        `Moved to the engine ${name}; the guest stood still for ${switched.pauseMs.toFixed(1)} ms.`,
      );
      this.change(this.current);
    }
    return switched;
  }

  async pressPowerButton(): Promise<void> {
    if (this.current.state === 'paused') {
      throw new UserError({
        code: 'paused',
        message: 'The VM is paused, so it cannot hear the power button.',
        hint: 'Resume it first, or power it off.',
      });
    }
    await this.expect('running').control.pressPowerButton();
  }

  /** Pulls the plug; resolves when the process is gone. */
  async powerOff(): Promise<void> {
    const run = this.run;
    if (!run) throw wrongState('not running');
    if (this.current.state !== 'stopping') this.change({ state: 'stopping' });
    run.end ??= 'shutdown';
    const killer = setTimeout(() => run.process.kill(), shutdownMs);
    run.control.shutdown().catch(() => undefined);
    await run.process.exited;
    clearTimeout(killer);
  }

  history(port: number): Uint8Array {
    const history = this.histories[port];
    if (history) return history.contents();
    throw new UserError({ code: 'no-port', message: `This VM has no serial port ${port + 1}.` });
  }

  async sendSerial(port: number, bytes: Uint8Array): Promise<void> {
    await this.expect('running', 'paused').control.sendSerial(port, bytes);
  }

  async nextFrame(viewer: string): Promise<Frame> {
    return frameSchema.parse(await this.expect('running', 'paused').control.nextFrame(viewer));
  }

  /** False where it is not possible; the socket is untouched then. */
  takeScreen(handover: ScreenHandover, socket: Socket): boolean {
    const live = this.current.state === 'running' || this.current.state === 'paused';
    const take = live ? this.run?.process.takeScreen : undefined;
    take?.(handover, socket);
    return take !== undefined;
  }

  async thumbnail(widest: number): Promise<Thumbnail> {
    return thumbnailSchema.parse(await this.expect('running', 'paused').control.thumbnail(widest));
  }

  async sendInput(events: InputEvent[]): Promise<void> {
    await this.expect('running', 'paused').control.sendInput(events);
  }

  async setScreenSize(width: number, height: number): Promise<void> {
    await this.expect('running', 'paused').control.setScreenSize(width, height);
  }

  async changeMedium(drive: MediumDrive, path: string | null): Promise<void> {
    await this.expect('running', 'paused').control.changeMedium(drive, path);
  }

  async attachDisk(disk: DiskConfig): Promise<void> {
    await this.expect('running', 'paused').control.attachDisk(disk);
  }

  async detachDisk(index: number, port: number): Promise<void> {
    await this.expect('running', 'paused').control.detachDisk(index, port);
  }

  async counters(): Promise<Record<string, number>> {
    return this.expect('running', 'paused').control.counters();
  }

  async networkStatus(): Promise<AdapterStatus[]> {
    const status = await this.expect('running', 'paused').control.networkStatus();
    return z.array(adapterStatusSchema).parse(status);
  }

  async changeAdapter(index: number, change: AdapterChange): Promise<void> {
    await this.expect('running', 'paused').control.changeAdapter(index, change);
  }

  async prepareLayers(layers: DiskLayer[]): Promise<void> {
    await this.expect('running', 'paused').control.prepareLayers(layers);
  }

  async takeSnapshot(folder: string): Promise<SnapshotTaken> {
    const taken = await this.expect('running', 'paused').control.takeSnapshot(folder);
    return snapshotTakenSchema.parse(taken);
  }

  /** Saves the state; the VM is paused then, and no longer has one to lose. */
  async saveState(folder: string): Promise<void> {
    const run = this.expect('running', 'paused');
    try {
      await run.control.saveState(folder);
    } catch (error) {
      if (this.run === run && this.current.state === 'running') await run.control.resume();
      throw error;
    }
    if (this.run === run && this.current.state === 'running') this.change({ state: 'paused' });
  }

  private expect(...states: VmState[]): Run {
    if (this.run && states.includes(this.current.state)) return this.run;
    throw wrongState(
      this.run && this.current.state === 'paused'
        ? 'paused'
        : this.run
          ? `${this.current.state}, not ${states.join(' or ')}`
          : 'not running',
    );
  }

  private paused(reason: string): void {
    this.listener.log(reason);
    if (this.run && this.current.state !== 'stopping') {
      const hint = 'Remove the cause, then resume the VM.';
      this.change({ state: 'paused', reason, hint });
    }
  }

  private exited(run: Run, exit: ProcessExit, startError: UserError | undefined): void {
    this.run = undefined;
    this.listener.log(`Process ended: ${describeExit(exit)}.`);
    this.change(conditionAfter(run, exit, startError));
  }

  private change(condition: VmCondition): void {
    const { engine: _engine, ...rest } = condition;
    const engine = this.run?.engine;
    this.current = { ...rest, ...(engine && { engine }) };
    this.listener.changed(this.current);
  }
}

function conditionAfter(
  run: Run,
  exit: ProcessExit,
  startError: UserError | undefined,
): VmCondition {
  if (run.end === 'shutdown') return { state: 'poweredOff' };
  if (run.end?.kind === 'powerOff' || run.end?.kind === 'debugExit') return { state: 'poweredOff' };
  if (run.end?.kind === 'tripleFault') {
    return {
      state: 'aborted',
      reason: `The guest crashed: ${run.end.detail}.`,
      hint: 'See the last lines of its console; start it again to retry.',
    };
  }
  if (run.end?.kind === 'failure') {
    return { state: 'aborted', reason: `The machine could not go on: ${run.end.detail}.` };
  }
  if (startError && startError.code !== 'disconnected') {
    const { message, hint } = startError;
    return { state: 'poweredOff', reason: message, ...(hint === undefined ? {} : { hint }) };
  }
  const words = run.process
    .lastWords()
    .split('\n')
    .find((line) => line.trim() !== '');
  return {
    state: 'aborted',
    reason: `The process of the VM ended unexpectedly: ${describeExit(exit)}.${words === undefined ? '' : ` It said: ${words.trim().slice(0, 300)}`}`,
    hint: 'Start the VM again. What the guest had not written to its disks is lost.',
  };
}

const describeEngine = ({ name, reason }: EngineInUse): string =>
  reason === undefined ? name : `${name}: ${reason}`;

function describeExit(exit: ProcessExit): string {
  if (exit.signal !== null) return `killed by ${exit.signal}`;
  return exit.code === null ? 'it could not be started' : `exit code ${exit.code}`;
}

function wrongState(how: string): UserError {
  return new UserError({ code: 'wrong-state', message: `The VM is ${how}.` });
}
