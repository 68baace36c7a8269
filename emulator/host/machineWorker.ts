/** The thread that a VM process's machine lives on: control in, serial output and the end out. */
import { workerData, type MessagePort } from 'node:worker_threads';
import { messagePortChannel, type PortLike } from '../../shared/rpc/messagePortChannel.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { AdapterChange, AdapterStatus } from '../../shared/net/networkStatus.ts';
import type { MediumDrive } from '../../shared/services/session.ts';
import type { DiskConfig } from '../../shared/vm/config.ts';
import type { InputEvent } from '../../shared/input/inputEvent.ts';
import type { Frame, Thumbnail } from '../../shared/vm/frames.ts';
import type { EngineInUse, EngineName, EngineSwitched } from '../../shared/vm/engines.ts';
import type { KvmFinding } from '../../shared/vm/kvmFinding.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import {
  serveVm,
  type DiskLayer,
  type SnapshotTaken,
  type VmControl,
  type VmEvents,
} from '../../shared/vm/vmProtocol.ts';
import type { MachineEnd } from '../machine/machine.ts';
import { buildMachine, type BuiltMachine } from './buildMachine.ts';
import type { FrameAnswer, FrameQuestion } from './screenLines.ts';
import { FramePump } from './framePump.ts';
import { CharacterQueue } from './characterQueue.ts';
import { asUserError } from './machineErrors.ts';
import { SnapshotTaker } from './snapshotTaker.ts';

/** A guest that reads nothing must not make the queue grow without limit. */
const maxWaitingInput = 1 << 20;

class MachineHost implements VmControl {
  private readonly serial = [0].map(
    (port) => new CharacterQueue((bytes) => this.events?.serialOutput(port, bytes)),
  );
  private built: BuiltMachine | undefined;
  private snapshots: SnapshotTaker | undefined;
  private ending = false;
  private pump: FramePump | undefined;
  events: VmEvents | undefined;
  private readonly exit: () => void;

  constructor(exit: () => void) {
    this.exit = exit;
  }

  async start(request: MachineRequest): Promise<EngineInUse> {
    if (this.built) throw new UserError({ code: 'running', message: 'The VM is running already.' });
    try {
      this.built = await buildMachine(request, {
        serial: this.serial,
        report: (line) => this.events?.report(line),
        hostFailure: (message) => this.events?.hostFailure(message),
      });
    } catch (error) {
      setImmediate(this.exit);
      throw asUserError(error);
    }
    void this.built.machine.ended.then((end) => this.guestEnded(end));
    this.snapshots = new SnapshotTaker(this.built, request);
    if (request.state === undefined) this.built.machine.start();
    return this.built.engine.inUse;
  }

  async switchEngine(name: EngineName): Promise<EngineSwitched> {
    const machine = this.machine();
    if (this.built === undefined) throw new Error('unreachable');
    return this.built.engine.switchTo(machine, name);
  }

  async pause(): Promise<void> {
    await this.machine().pause();
  }

  resume(): Promise<void> {
    const machine = this.machine();
    // A machine that goes on from a saved state has not started yet.
    machine.start();
    machine.resume();
    return Promise.resolve();
  }

  reset(): Promise<void> {
    this.machine().reset();
    return Promise.resolve();
  }

  pressPowerButton(): Promise<void> {
    this.machine().pressPowerButton();
    return Promise.resolve();
  }

  sendSerial(port: number, bytes: Uint8Array): Promise<void> {
    const serial = this.serial[port];
    if (!serial) {
      throw new UserError({ code: 'no-port', message: `This VM has no serial port ${port + 1}.` });
    }
    if (serial.waiting + bytes.length > maxWaitingInput) {
      throw new UserError({
        code: 'input-full',
        message: 'The guest does not read its serial port.',
        hint: 'Wait until the guest has started a program that reads it.',
      });
    }
    serial.send(bytes);
    return Promise.resolve();
  }

  async nextFrame(viewer: string): Promise<Frame> {
    return this.screen().next(viewer);
  }

  thumbnail(widest: number): Promise<Thumbnail> {
    return Promise.resolve(this.screen().thumbnail(widest));
  }

  sendInput(events: InputEvent[]): Promise<void> {
    const machine = this.machine();
    for (const event of events) machine.input(event);
    return Promise.resolve();
  }

  setScreenSize(width: number, height: number): Promise<void> {
    this.machine().display?.setPreferredSize?.(width, height);
    return Promise.resolve();
  }

  changeMedium(drive: MediumDrive, path: string | null): Promise<void> {
    return this.drives((built) => built.changeMedium(drive, path));
  }

  attachDisk(disk: DiskConfig): Promise<void> {
    return this.drives((built) => built.attachDisk(disk));
  }

  detachDisk(index: number, port: number): Promise<void> {
    return this.drives((built) => built.detachDisk(index, port));
  }

  private async drives(change: (built: BuiltMachine) => Promise<void>): Promise<void> {
    this.machine();
    try {
      if (this.built !== undefined) await change(this.built);
    } catch (error) {
      throw asUserError(error);
    }
  }

  counters(): Promise<Record<string, number>> {
    const machine = this.machine();
    const { user, system } = process.cpuUsage();
    return Promise.resolve({
      ...machine.counters(),
      ...this.built?.diskCounters,
      ...this.built?.networks?.counters(),
      processCpuMs: Math.round((user + system) / 1000),
      residentBytes: process.memoryUsage.rss(),
    });
  }

  networkStatus(): Promise<AdapterStatus[]> {
    this.machine();
    return Promise.resolve(this.built?.networks?.adapters.map((one) => one.status()) ?? []);
  }

  async changeAdapter(index: number, change: AdapterChange): Promise<void> {
    this.machine();
    const { Networks } = await import('./openNetworks.ts');
    const networks = this.built?.networks ?? new Networks({ adapters: [], clock: 'host' });
    await networks.adapter(index).change(change);
  }

  prepareLayers(layers: DiskLayer[]): Promise<void> {
    return this.snapshot((taker) => taker.prepareLayers(layers));
  }

  takeSnapshot(folder: string): Promise<SnapshotTaken> {
    return this.snapshot((taker) => taker.take(folder));
  }

  saveState(folder: string): Promise<void> {
    return this.snapshot((taker) => taker.saveState(folder));
  }

  private async snapshot<T>(work: (taker: SnapshotTaker) => Promise<T>): Promise<T> {
    this.machine();
    if (this.snapshots === undefined) throw new Error('unreachable');
    try {
      return await work(this.snapshots);
    } catch (error) {
      throw asUserError(error);
    }
  }

  async probeKvm(): Promise<KvmFinding> {
    return (await import('./probeKvm.ts')).probeKvm();
  }

  async shutdown(): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    await this.close();
    setImmediate(this.exit);
  }

  private async guestEnded(end: MachineEnd): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    for (const serial of this.serial) serial.flush();
    // Disks are closed first, so that who hears of the end may use them at once.
    await this.close();
    this.events?.ended(end);
    setImmediate(this.exit);
  }

  private async close(): Promise<void> {
    for (const serial of this.serial) serial.flush();
    this.pump?.close();
    try {
      await this.built?.close();
    } catch (error) {
      this.events?.report(asUserError(error).message);
    }
  }

  private screen(): FramePump {
    const machine = this.machine();
    const { display } = machine;
    if (display === undefined) {
      throw new UserError({
        code: 'no-display',
        message: 'This VM has no graphics card.',
        hint: 'Give it one in Settings, Display, or use its serial console.',
      });
    }
    this.pump ??= new FramePump({ display, pointerMode: () => machine.pointerMode });
    return this.pump;
  }

  private machine(): BuiltMachine['machine'] {
    if (this.built && !this.ending) return this.built.machine;
    throw new UserError({ code: 'not-running', message: 'The VM is not running.' });
  }
}

const { port, screens } = workerData as { port: MessagePort; screens: MessagePort };
const channel = messagePortChannel(port as unknown as PortLike);
const host = new MachineHost(() => channel.close());
host.events = serveVm(channel, host);
// The manager has gone: end cleanly. Once the port is closed nothing keeps this thread alive.
channel.onClose(() => void host.shutdown());
screens.on('message', ({ viewer }: FrameQuestion) => {
  const answer = (frame?: Frame): void =>
    screens.postMessage(
      { viewer, ...(frame && { frame }) } satisfies FrameAnswer,
      (frame?.parts ?? []).map(({ pixels }) => pixels.buffer as ArrayBuffer),
    );
  // A machine that is off or has no screen shows nothing, and the window asks the manager why.
  host.nextFrame(`line ${viewer}`).then(answer, () => answer());
});
screens.unref();
