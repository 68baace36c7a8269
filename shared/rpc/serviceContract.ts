import { z } from 'zod';
import type { GalleryService } from '../services/gallery.ts';
import type { HostService } from '../services/host.ts';
import type { LibraryEvents, LibraryService } from '../services/library.ts';
import type { MediaService } from '../services/media.ts';
import type { PreferenceEvents, PreferenceService } from '../services/preferences.ts';
import type { TransferService } from '../services/transfer.ts';
import type { TaskEvents, TaskService } from '../services/tasks.ts';
import type { SnapshotService } from '../services/snapshots.ts';
import type { SessionEvents, SessionService } from '../services/session.ts';
import {
  arrangementChangeSchema,
  arrangementSchema,
  type ArrangementRequest,
} from '../vm/arrangement.ts';
import { engineNames } from '../vm/engines.ts';
import { inputEventSchema } from '../input/inputEvent.ts';
import { adapterChangeSchema } from '../net/networkStatus.ts';
import { viewerSchema } from '../vm/frames.ts';
import {
  diskSchema,
  newDiskSchema,
  newVmSchema,
  vmChangesSchema,
  vmConfigSchema,
  type NewDiskRequest,
} from '../vm/config.ts';
import {
  preferenceChangesSchema,
  preferencesSchema,
  type PreferenceChanges,
} from '../vm/preferences.ts';
import { mediumDriveSchema } from '../vm/vmProtocol.ts';

/** Everything a shell (window, CLI) can ask of a manager. */
export interface ServiceMap {
  readonly library: LibraryService;
  readonly session: SessionService;
  readonly snapshots: SnapshotService;
  readonly host: HostService;
  readonly tasks: TaskService;
  readonly media: MediaService;
  readonly gallery: GalleryService;
  readonly preferences: PreferenceService;
  readonly transfer: TransferService;
}

/** Everything a manager tells its shells. */
export interface ServiceEvents extends LibraryEvents, SessionEvents, TaskEvents, PreferenceEvents {}

export interface ServiceEventSource {
  /** Returns the function that unsubscribes. */
  on<K extends keyof ServiceEvents>(name: K, listener: ServiceEvents[K]): () => void;
}

export interface Services extends ServiceMap {
  readonly events: ServiceEventSource;
}

type ArgumentSchemas<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => unknown ? z.ZodType<A> : never;
};

const vmId = z.string().min(1).max(200);
const taskId = z.uuid();
const filePath = z.string().min(1).max(4096);
const sizeMiB = newDiskSchema.shape.sizeMiB;
const diskFormat = newDiskSchema.shape.format.unwrap();
const cloneOptionsSchema = z.strictObject({
  name: vmConfigSchema.shape.name,
  how: z.enum(['full', 'linked']),
});
const snapshotName = z.string().trim().min(1).max(100);
const snapshotDescription = z.string().max(10_000).optional();
const portIndex = z.int().min(0).max(3);
const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array>;

/** Their names, for whoever passes them on as they are. */
export const eventNames = (): (keyof ServiceEvents)[] =>
  Object.keys(eventContract) as (keyof ServiceEvents)[];
/** Passes events on as they are; returns how to stop. */
export function forwardEvents(
  from: ServiceEventSource,
  to: { emit<K extends keyof ServiceEvents>(name: K, ...args: Parameters<ServiceEvents[K]>): void },
): () => void {
  const stops = eventNames().map((name) =>
    from.on(name, ((...args: Parameters<ServiceEvents[typeof name]>) =>
      to.emit(name, ...args)) as ServiceEvents[typeof name]),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

/** The arguments of every method; the serving side checks each call against them. */
export const serviceContract: {
  readonly [S in keyof ServiceMap]: ArgumentSchemas<ServiceMap[S]>;
} = {
  library: {
    list: z.tuple([]),
    arrangement: z.tuple([]),
    arrange: z.tuple([arrangementChangeSchema as unknown as z.ZodType<ArrangementRequest>]),
    get: z.tuple([vmId]),
    create: z.tuple([
      newVmSchema as unknown as z.ZodType<z.input<typeof newVmSchema>>,
      (z.array(newDiskSchema).max(16) as unknown as z.ZodType<NewDiskRequest[]>).optional(),
    ]),
    clone: z.tuple([vmId, cloneOptionsSchema]),
    deletionFiles: z.tuple([vmId]),
    modify: z.tuple([
      vmId,
      vmChangesSchema as unknown as z.ZodType<z.input<typeof vmChangesSchema>>,
    ]),
    delete: z.tuple([vmId, z.enum(['keep', 'delete']).optional()]),
    readLog: z.tuple([vmId, z.int().min(0)]),
  },
  session: {
    start: z.tuple([vmId]),
    pause: z.tuple([vmId]),
    resume: z.tuple([vmId]),
    reset: z.tuple([vmId]),
    switchEngine: z.tuple([vmId, z.enum(engineNames)]),
    stop: z.tuple([vmId, z.enum(['acpi', 'powerOff'])]),
    attachSerial: z.tuple([vmId, portIndex]),
    detachSerial: z.tuple([vmId, portIndex]),
    sendSerial: z.tuple([vmId, portIndex, bytes.refine((value) => value.length <= 1 << 20)]),
    nextFrame: z.tuple([vmId, viewerSchema]),
    thumbnail: z.tuple([vmId, z.int().min(16).max(1024)]),
    sendInput: z.tuple([vmId, z.array(inputEventSchema).max(256)]),
    setScreenSize: z.tuple([vmId, z.int().min(1).max(8192), z.int().min(1).max(8192)]),
    changeMedium: z.tuple([vmId, mediumDriveSchema, z.string().min(1).max(4096).nullable()]),
    attachDisk: z.tuple([vmId, diskSchema as unknown as z.ZodType<z.input<typeof diskSchema>>]),
    detachDisk: z.tuple([vmId, z.int().min(0).max(15)]),
    counters: z.tuple([vmId]),
    networkStatus: z.tuple([vmId]),
    changeAdapter: z.tuple([vmId, z.int().min(0).max(7), adapterChangeSchema]),
  },
  tasks: { list: z.tuple([]), cancel: z.tuple([taskId]), dismiss: z.tuple([taskId]) },
  media: {
    list: z.tuple([]),
    create: z.tuple([z.string().min(1).max(100), sizeMiB, diskFormat]),
    convert: z.tuple([filePath, diskFormat]),
    resize: z.tuple([filePath, sizeMiB]),
    relocate: z.tuple([filePath, filePath]),
    remove: z.tuple([filePath]),
  },
  transfer: {
    preview: z.tuple([filePath]),
    import: z.tuple([filePath, z.strictObject({ name: vmConfigSchema.shape.name.optional() })]),
    export: z.tuple([vmId, filePath]),
  },
  snapshots: {
    list: z.tuple([vmId]),
    take: z.tuple([vmId, z.object({ name: snapshotName, description: snapshotDescription })]),
    restore: z.tuple([vmId, z.uuid()]),
    delete: z.tuple([vmId, z.uuid()]),
    change: z.tuple([
      vmId,
      z.uuid(),
      z.object({ name: snapshotName.optional(), description: snapshotDescription }),
    ]),
    saveState: z.tuple([vmId]),
    discardState: z.tuple([vmId]),
  },
  gallery: {
    list: z.tuple([]),
    create: z.tuple([
      z.string().min(1).max(100),
      z.strictObject({
        name: vmConfigSchema.shape.name,
        memoryMiB: vmConfigSchema.shape.memoryMiB.optional(),
      }),
    ]),
  },
  preferences: {
    get: z.tuple([]),
    change: z.tuple([preferenceChangesSchema as unknown as z.ZodType<PreferenceChanges>]),
  },
  host: {
    info: z.tuple([]),
    listFolder: z.tuple([z.string().max(4096)]),
    inspectFile: z.tuple([z.string().max(4096)]),
    probeKvm: z.tuple([]),
  },
};

/** What an event must look like before it is believed. */
export const eventContract: ArgumentSchemas<ServiceEvents> = {
  listChanged: z.tuple([z.array(z.any())]),
  arrangementChanged: z.tuple([arrangementSchema]),
  tasksChanged: z.tuple([z.array(z.any())]),
  serialOutput: z.tuple([vmId, portIndex, bytes]),
  preferencesChanged: z.tuple([preferencesSchema]),
};
