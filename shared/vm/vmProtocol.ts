/**
 * Between the manager and the process of one VM, over any Channel. The guest may have taken over
 * that process, so the manager believes nothing that is not of its shape.
 */
import { z } from 'zod';
import type { Channel } from '../rpc/channel.ts';
import { connectRemote } from '../rpc/remote.ts';
import type { MediumDrive } from '../services/session.ts';
import { inputEventSchema, type InputEvent } from '../input/inputEvent.ts';
import {
  adapterChangeSchema,
  type AdapterChange,
  type AdapterStatus,
} from '../net/networkStatus.ts';
import { engineNames, type EngineInUse, type EngineName, type EngineSwitched } from './engines.ts';
import type { KvmFinding } from './kvmFinding.ts';
import { diskSchema, type DiskConfig } from './config.ts';
import { viewerSchema, type Frame, type Thumbnail } from './frames.ts';
import { machineRequestSchema, type MachineRequest } from './machineRequest.ts';

/** What the manager asks of a VM process. All reject with UserError. */
export interface VmControl {
  /** Builds the machine and starts it; resolves, with its engine, when it runs. */
  start(request: MachineRequest): Promise<EngineInUse>;
  /** See SessionService. */
  switchEngine(name: EngineName): Promise<EngineSwitched>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  reset(): Promise<void>;
  pressPowerButton(): Promise<void>;
  sendSerial(port: number, bytes: Uint8Array): Promise<void>;
  /** See SessionService. */
  nextFrame(viewer: string): Promise<Frame>;
  thumbnail(widest: number): Promise<Thumbnail>;
  sendInput(events: InputEvent[]): Promise<void>;
  setScreenSize(width: number, height: number): Promise<void>;
  /** Without a path the drive is emptied. */
  changeMedium(drive: MediumDrive, path: string | null): Promise<void>;
  /** Plugs a disk into the SATA port that it names, behind the disks there are. */
  attachDisk(disk: DiskConfig): Promise<void>;
  /** Pulls out a SATA disk, counted as in the request and by later changes, which is in that port; it is closed then. */
  detachDisk(index: number, port: number): Promise<void>;
  counters(): Promise<Record<string, number>>;
  networkStatus(): Promise<AdapterStatus[]>;
  changeAdapter(index: number, change: AdapterChange): Promise<void>;
  /** Makes an empty QCOW2 layer for each of these disks, counted as in the request, and keeps it ready. */
  prepareLayers(layers: DiskLayer[]): Promise<void>;
  /**
   * Saves the state into a new folder while the machine goes on; at the moment of the state it puts the prepared
   * layers on its disks. Resolves when the state and what lies below the layers is durable.
   */
  takeSnapshot(folder: string): Promise<SnapshotTaken>;
  /** Pauses, and saves the state into a new folder; everything is durable then. The machine stays paused. */
  saveState(folder: string): Promise<void>;
  /** Tries the KVM engine with a tiny guest; in a process without a machine. */
  probeKvm(): Promise<KvmFinding>;
  /** Pulls the plug: ends the machine, closes its disks, then the process exits. */
  shutdown(): Promise<void>;
}

export const mediumDriveSchema: z.ZodType<MediumDrive> = z.strictObject({
  kind: z.enum(['cdrom', 'floppy']),
  index: z.int().min(0).max(7),
});
const layerSchema = z.strictObject({ disk: z.int().min(0).max(15), path: z.string().min(1) });
export type DiskLayer = z.infer<typeof layerSchema>;

export const snapshotTakenSchema = z.object({
  /** How long the guest stood still, in ms. */
  pauseMs: z.number(),
});
export type SnapshotTaken = z.infer<typeof snapshotTakenSchema>;

const endSchema = z.union([
  z.object({ kind: z.literal('powerOff') }),
  z.object({ kind: z.literal('debugExit'), value: z.number() }),
  z.object({ kind: z.enum(['tripleFault', 'failure']), detail: z.string().max(4000) }),
]);
/** How the guest ended, as emulator/machine tells. */
export type VmEnd = z.infer<typeof endSchema>;

/** What a VM process tells the manager. */
export interface VmEvents {
  serialOutput(port: number, bytes: Uint8Array): void;
  /** The machine ended by itself; the process exits after it. */
  ended(end: VmEnd): void;
  /** The machine has paused itself because the host cannot serve it (no space, …). */
  hostFailure(message: string): void;
  /** A line for the VM's log. */
  report(line: string): void;
}

const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array>;
const port = z.int().min(0).max(3);

const controlSchemas: Readonly<Record<keyof VmControl, z.ZodType<unknown[]>>> = {
  start: z.tuple([machineRequestSchema]),
  switchEngine: z.tuple([z.enum(engineNames)]),
  pause: z.tuple([]),
  resume: z.tuple([]),
  reset: z.tuple([]),
  pressPowerButton: z.tuple([]),
  sendSerial: z.tuple([port, bytes]),
  nextFrame: z.tuple([viewerSchema]),
  thumbnail: z.tuple([z.int()]),
  sendInput: z.tuple([z.array(inputEventSchema)]),
  setScreenSize: z.tuple([z.int(), z.int()]),
  changeMedium: z.tuple([mediumDriveSchema, z.string().min(1).nullable()]),
  attachDisk: z.tuple([diskSchema]),
  detachDisk: z.tuple([z.int().min(0), z.int().min(0)]),
  counters: z.tuple([]),
  networkStatus: z.tuple([]),
  changeAdapter: z.tuple([z.int().min(0), adapterChangeSchema]),
  prepareLayers: z.tuple([z.array(layerSchema).max(16)]),
  takeSnapshot: z.tuple([z.string().min(1)]),
  saveState: z.tuple([z.string().min(1)]),
  probeKvm: z.tuple([]),
  shutdown: z.tuple([]),
};

const eventSchemas: Readonly<Record<keyof VmEvents, z.ZodType<unknown[]>>> = {
  serialOutput: z.tuple([port, bytes]),
  ended: z.tuple([endSchema]),
  hostFailure: z.tuple([z.string().max(4000)]),
  report: z.tuple([z.string().max(4000)]),
};

/** The manager's end. */
export function controlVm(channel: Channel, events: VmEvents): VmControl {
  const remote = connectRemote(channel, checkedTable(eventSchemas, events));
  return proxyOf<VmControl>(Object.keys(controlSchemas), (name, args) => remote.call(name, args));
}

/** The VM's end: answers with `control`, returns what to tell the manager by. */
export function serveVm(channel: Channel, control: VmControl): VmEvents {
  const remote = connectRemote(channel, checkedTable(controlSchemas, control));
  return proxyOf<VmEvents>(Object.keys(eventSchemas), (name, args) => remote.notify(name, args));
}

function proxyOf<T>(names: string[], call: (name: string, args: unknown[]) => unknown): T {
  return Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => call(name, args)]),
  ) as T;
}

function checkedTable<T extends object>(
  schemas: Readonly<Record<string, z.ZodType<unknown[]>>>,
  target: T,
): ReadonlyMap<string, (...args: never[]) => unknown> {
  const functions = target as Record<string, (...args: unknown[]) => unknown>;
  return new Map(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      (...args: unknown[]) => functions[name]?.(...schema.parse(args)),
    ]),
  );
}
