/** The one owner of a library's running VMs: services over the library and the VM processes. */
import { copyFile } from 'node:fs/promises';
import { watch, type FSWatcher } from 'node:fs';
import type { Socket } from 'node:net';
import { EventHub } from '../../shared/rpc/eventHub.ts';
import type { ScreenHandover } from '../../shared/rpc/screenSocket.ts';
import type { Services } from '../../shared/rpc/serviceContract.ts';
import { UserError } from '../../shared/services/errors.ts';
import type { HostService } from '../../shared/services/host.ts';
import type { CloneOptions, LibraryService, VmSummary } from '../../shared/services/library.ts';
import type { GalleryService } from '../../shared/services/gallery.ts';
import type { TransferService } from '../../shared/services/transfer.ts';
import type { MediaService } from '../../shared/services/media.ts';
import type { PreferenceService } from '../../shared/services/preferences.ts';
import type { MediumDrive, SessionService } from '../../shared/services/session.ts';
import { checkCapabilities } from '../../shared/vm/capabilities.ts';
import {
  diskSchema,
  newDiskSchema,
  type VmChanges,
  type VmConfig,
} from '../../shared/vm/config.ts';
import { machineRequestOf } from '../../shared/vm/machineRequest.ts';
import { attachDisk, detachDisk, type DiskChange } from './diskHotPlug.ts';
import type { Home } from './home.ts';
import { createGalleryService } from './galleryService.ts';
import { createMediaService } from './mediaService.ts';
import { createPreferences } from './preferencesFile.ts';
import { RunRecord } from './runRecord.ts';
import { TaskList, type TaskWatch } from './taskList.ts';
import { createTransferService } from './transfer/transferService.ts';
import {
  checkDisksExist,
  copyDisks,
  deletionFiles,
  linkDisks,
  makeDisks,
  removeFiles,
} from './vmDisks.ts';
import { Snapshots, variablesFile } from './snapshots.ts';
import { VmLibrary, type LibraryEntry } from './vmLibrary.ts';
import type { HostFiles } from './hostService.ts';
import { probeKvm } from './probeKvm.ts';
import type { VmProcessStarter } from './vmProcessStarter.ts';
import { VmSession } from './vmSession.ts';

export type TakeScreen = (id: string, handover: ScreenHandover, socket: Socket) => boolean;

/** What may change while a VM runs; the rest is part of the machine. */
const changeableWhileRunning: readonly (keyof VmChanges)[] = ['name', 'description'];
/** And while it has a saved state, which opens on any engine. */
const changeableWhileSaved: readonly (keyof VmChanges)[] = ['engine', 'cpuCap'];

export class Manager implements Services {
  readonly events = new EventHub();
  readonly host: HostService;
  readonly tasks = new TaskList((tasks) => this.events.emit('tasksChanged', tasks));
  private readonly home: Home;
  readonly snapshots: Snapshots;
  private readonly vms: VmLibrary;
  private readonly starter: VmProcessStarter;
  private readonly sessions = new Map<string, VmSession>();
  private readonly records = new Map<string, RunRecord>();
  private watcher: FSWatcher | undefined;
  private listPending: NodeJS.Timeout | undefined;
  private closing = false;

  constructor(home: Home, host: HostFiles, starter: VmProcessStarter) {
    this.host = { ...host, probeKvm: () => probeKvm(starter) };
    this.home = home;
    this.starter = starter;
    this.vms = new VmLibrary(home.vmsFolder);
    this.media = createMediaService({
      ...{ home, vms: this.vms, tasks: this.tasks },
      isActive: (id) => this.sessions.get(id)?.active === true,
      changed: () => this.listSoon(),
    });
    this.preferences = createPreferences(home.folder, (preferences) =>
      this.events.emit('preferencesChanged', preferences),
    );
    this.gallery = createGalleryService({
      ...{ home, vms: this.vms, tasks: this.tasks },
      preferences: () => this.preferences.get(),
      disksFolder: () => this.disksFolder(),
      changed: () => this.listSoon(),
    });
    this.transfer = createTransferService({
      disksFolder: () => this.disksFolder(),
      ...{ home, vms: this.vms, tasks: this.tasks },
      refuseActive: (id, what) => this.refuseWhileActive(id, what),
      changed: () => this.listSoon(),
    });
    this.snapshots = new Snapshots({
      vms: this.vms,
      running: (id) => {
        const session = this.sessions.get(id);
        return session?.active ? session : undefined;
      },
      changed: () => this.listSoon(),
      log: (id, line) => this.recordOf(id).log(line),
    });
    try {
      // Another process (or a person) may change the files; failing to notice only delays the list.
      this.watcher = watch(home.vmsFolder, { recursive: false }, () => this.listSoon());
      this.watcher.on('error', () => this.watcher?.close());
    } catch {
      this.watcher = undefined;
    }
  }

  readonly library: LibraryService = {
    list: () => this.summaries(),
    arrangement: () => this.vms.arrangement(),
    arrange: async (change) => {
      const after = await this.vms.arrange(change);
      this.events.emit('arrangementChanged', after);
      return after;
    },
    get: (id) => this.vms.get(id),
    create: async (vm, newDisks = []) => {
      await this.vms.checkName(vm.name);
      const wanted = newDisks.map((disk) => newDiskSchema.parse(disk));
      const made = await makeDisks(await this.disksFolder(), vm.name, wanted);
      try {
        return this.created(
          await this.vms.create({ ...vm, disks: [...(vm.disks ?? []), ...made] }),
        );
      } catch (error) {
        await removeFiles(made);
        throw error;
      }
    },
    clone: async (id, options) => {
      this.refuseWhileActive(id, 'clone it');
      const config = await this.vms.get(id);
      if (options.how === 'linked') {
        await this.refuseWhileSaved(id);
        await this.snapshots.refuseLayers(id);
      }
      await this.vms.checkName(options.name);
      await checkDisksExist(config);
      return this.tasks.run({ kind: 'clone', subject: options.name }, (watch) =>
        this.clone(config, options, watch),
      );
    },
    deletionFiles: async (id) => {
      const others = (await this.vms.list()).flatMap(({ config }) => config ?? []);
      return deletionFiles(
        await this.vms.get(id),
        others.filter((one) => one.id !== id),
      );
    },
    modify: async (id, changes) => {
      const fixed = (Object.keys(changes) as (keyof VmChanges)[]).filter(
        (key) => changes[key] !== undefined && !changeableWhileRunning.includes(key),
      );
      if (fixed.length > 0) {
        this.refuseWhileActive(id, `change ${fixed.join(', ')}`);
        if (fixed.some((key) => !changeableWhileSaved.includes(key)))
          await this.refuseWhileSaved(id);
      }
      const config = await this.vms.modify(id, changes);
      this.listSoon();
      return config;
    },
    delete: async (id, files = 'keep') => {
      this.refuseWhileActive(id, 'delete it');
      const removable = files === 'delete' ? await this.library.deletionFiles(id) : [];
      await this.snapshots.beforeDelete(id);
      await this.vms.delete(id);
      await removeFiles(removable.filter(({ neededBy }) => neededBy === undefined));
      this.sessions.delete(id);
      this.records.delete(id);
      this.listSoon();
    },
    readLog: async (id, from) => {
      await this.vms.get(id);
      return this.recordOf(id).readLog(from);
    },
  };

  readonly media: MediaService;
  readonly gallery: GalleryService;
  readonly preferences: PreferenceService;

  readonly transfer: TransferService;

  readonly session: SessionService = {
    start: (id) => this.start(id),
    pause: async (id) => (await this.running(id)).pause(),
    resume: async (id) => (await this.running(id)).resume(),
    reset: async (id) => (await this.running(id)).reset(),
    switchEngine: async (id, engine) => (await this.running(id)).switchEngine(engine),
    stop: async (id, how) => {
      const session = await this.running(id);
      return how === 'acpi' ? session.pressPowerButton() : session.powerOff();
    },
    attachSerial: async (id, port) => {
      const session = this.sessions.get(id) ?? (await this.sessionOf(id));
      return session.history(port);
    },
    // Nothing is held for an attachment: each connection filters what it forwards.
    detachSerial: () => Promise.resolve(),
    sendSerial: async (id, port, bytes) => (await this.running(id)).sendSerial(port, bytes),
    nextFrame: async (id, viewer) => (await this.running(id)).nextFrame(viewer),
    thumbnail: async (id, widest) => (await this.running(id)).thumbnail(widest),
    sendInput: async (id, events) => (await this.running(id)).sendInput(events),
    setScreenSize: async (id, width, height) =>
      (await this.running(id)).setScreenSize(width, height),
    changeMedium: (id, drive, path) => this.changeMedium(id, drive, path),
    attachDisk: (id, disk) => attachDisk(this.diskChange(id), diskSchema.parse(disk)),
    detachDisk: (id, index) => detachDisk(this.diskChange(id), index),
    counters: async (id) => (await this.running(id)).counters(),
    networkStatus: async (id) => (await this.running(id)).networkStatus(),
    changeAdapter: async (id, index, change) =>
      (await this.running(id)).changeAdapter(index, change),
  };

  /** A window's connection to a machine's screen goes to its process. False if that is not possible. */
  readonly takeScreen: TakeScreen = (id, handover, socket) =>
    this.sessions.get(id)?.takeScreen(handover, socket) ?? false;

  /** How many VMs have a process. */
  get activeCount(): number {
    return [...this.sessions.values()].filter((session) => session.active).length;
  }

  /** Powers off what runs and starts nothing any more. Resolves when all processes are gone. */
  async close(): Promise<void> {
    this.closing = true;
    this.watcher?.close();
    await this.tasks.close();
    clearTimeout(this.listPending);
    const active = [...this.sessions.values()].filter((session) => session.active);
    await Promise.all(active.map((session) => session.powerOff().catch(() => undefined)));
    await Promise.all([...this.records.values()].map((record) => record.settled()));
  }

  /** Where new disks are made. */
  private async disksFolder(): Promise<string> {
    return (await this.preferences.get()).disksFolder ?? this.home.disksFolder;
  }

  private created({ id, name }: VmConfig): VmSummary {
    this.listSoon();
    return { id, name, state: 'poweredOff' };
  }

  private async clone(
    config: VmConfig,
    options: CloneOptions,
    watch: TaskWatch,
  ): Promise<{ vmId: string }> {
    const disksFolder = await this.disksFolder();
    const { version: _version, id, createdAt: _createdAt, ...rest } = config;
    const linked =
      options.how === 'linked' ? await linkDisks(disksFolder, options, config) : undefined;
    const disks = linked?.clone ?? (await copyDisks(disksFolder, options.name, config, watch));
    // Two machines with one address would disturb each other.
    const adapters = config.adapters.map(({ mac: _mac, ...adapter }) => adapter);
    let clone: VmConfig | undefined;
    try {
      this.refuseWhileActive(id, 'clone it');
      clone = await this.vms.create({ ...rest, name: options.name, disks, adapters });
      const [from, to] = [config, clone].map((vm) => variablesFile(this.vms.folderOf(vm.id)));
      await copyFile(from!, to!).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
      if (linked) await this.vms.modify(id, { disks: linked.source });
    } catch (error) {
      await removeFiles(linked?.made ?? disks);
      if (clone) await this.vms.delete(clone.id);
      throw error;
    }
    this.listSoon();
    return { vmId: clone.id };
  }

  private async changeMedium(id: string, drive: MediumDrive, path: string | null): Promise<void> {
    const config = await this.vms.get(id);
    const list = drive.kind === 'cdrom' ? 'cdroms' : 'floppies';
    const drives = config[list];
    const before = drives[drive.index];
    if (before === undefined) {
      throw new UserError({
        code: 'no-such-drive',
        message: `"${config.name}" has no ${drive.kind === 'cdrom' ? 'CD-ROM' : 'floppy'} drive ${drive.index + 1}.`,
        hint: 'Add one in Settings, Storage, while it is powered off.',
      });
    }
    if (path !== null) await this.host.inspectFile(path);
    const session = this.sessions.get(id);
    if (session?.active) await session.changeMedium(drive, path);
    const { path: _path, ...rest } = before;
    const after = path === null ? rest : { ...rest, path };
    await this.vms.modify(id, { [list]: drives.with(drive.index, after as never) });
    this.listSoon();
  }

  private diskChange(id: string): DiskChange {
    return {
      exclusively: (change) => this.snapshots.changeDisks(id, change),
      session: () => {
        const session = this.sessions.get(id);
        return session?.active ? session : undefined;
      },
      modify: async (changes) => {
        await (this.sessions.get(id)?.active
          ? this.vms.modify(id, changes)
          : this.library.modify(id, changes));
        this.listSoon();
      },
    };
  }

  private async start(id: string): Promise<void> {
    if (this.closing) {
      throw new UserError({ code: 'closing', message: 'Guesthouse is being closed.' });
    }
    const session = await this.sessionOf(id);
    await this.snapshots.start(id, async (config, state, loaded) => {
      checkCapabilities(config);
      const variables = variablesFile(this.vms.folderOf(id));
      await session.start(config.name, machineRequestOf(config, variables, state), loaded);
    });
  }

  private async running(id: string): Promise<VmSession> {
    const session = this.sessions.get(id);
    if (session?.active) return session;
    const { name } = await this.vms.get(id);
    throw new UserError({
      code: 'not-running',
      message: `"${name}" is not running.`,
      hint: 'Start it first.',
    });
  }

  private refuseWhileActive(id: string, what: string): void {
    if (!this.sessions.get(id)?.active) return;
    throw new UserError({
      code: 'running',
      message: `The VM is running: one cannot ${what}.`,
      hint: 'Power it off first.',
    });
  }

  private async refuseWhileSaved(id: string): Promise<void> {
    if (!(await this.snapshots.hasState(id))) return;
    throw new UserError({
      code: 'saved',
      message: 'The VM has a saved state, which fits only the hardware that it has now.',
      hint: 'Start it and shut it down, or discard the saved state.',
    });
  }

  private async sessionOf(id: string): Promise<VmSession> {
    const record = this.recordOf(id);
    const before = this.sessions.has(id) ? undefined : await record.read();
    // Looked up after the wait: two callers must get the same session.
    const existing = this.sessions.get(id);
    if (existing) return existing;
    const session = new VmSession(
      this.starter,
      {
        changed: (condition) => {
          void record.write(condition);
          record.log(
            `State: ${condition.state}${condition.reason ? ` (${condition.reason})` : ''}`,
          );
          this.listSoon(0);
        },
        serialOutput: (port, bytes) => this.events.emit('serialOutput', id, port, bytes),
        log: (line) => record.log(line),
      },
      before ?? { state: 'poweredOff' },
    );
    this.sessions.set(id, session);
    return session;
  }

  private recordOf(id: string): RunRecord {
    let record = this.records.get(id);
    if (!record) this.records.set(id, (record = new RunRecord(this.vms.folderOf(id))));
    return record;
  }

  private async summaries(): Promise<VmSummary[]> {
    const entries = await this.vms.list();
    return Promise.all(entries.map((entry) => this.summary(entry)));
  }

  private async summary({ id, name, problem }: LibraryEntry): Promise<VmSummary> {
    const session = this.sessions.get(id);
    if (problem && !session?.active) {
      const { message, hint } = problem;
      return {
        id,
        name,
        state: 'poweredOff',
        unusable: true,
        reason: message,
        ...(hint === undefined ? {} : { hint }),
      };
    }
    const condition = session ? session.condition : await this.recordOf(id).read();
    if (condition.state === 'poweredOff' && (await this.snapshots.hasState(id)))
      return { id, name, ...condition, state: 'saved' };
    return { id, name, ...condition };
  }

  /** Tells the list after a moment, so that a burst of changes is told once. */
  private listSoon(delayMs = 30): void {
    if (this.closing) return;
    clearTimeout(this.listPending);
    this.listPending = setTimeout(() => {
      Promise.all([this.vms.arrangement(), this.summaries()]).then(
        ([arrangement, vms]) => {
          this.events.emit('arrangementChanged', arrangement);
          this.events.emit('listChanged', vms);
        },
        () => undefined,
      );
    }, delayMs);
  }
}
