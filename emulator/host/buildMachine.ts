import { setImmediate as nextTurn } from 'node:timers/promises';
import { UserError } from '../../shared/services/errors.ts';
import type { DiskConfig } from '../../shared/vm/config.ts';
import type { MachineRequest } from '../../shared/vm/machineRequest.ts';
import type { CharacterBackend } from '../backends/character.ts';
import type { BiosBoot, DisplaySpec, KernelBoot, Machine } from '../machine/machine.ts';
import { createPc } from '../machine/pc.ts';
import { readBootFile } from './bootFile.ts';
import type { DiskCounters } from './countedDisk.ts';
import { useHugePages } from './hugePages.ts';
import { asUserError, namingKernel } from './machineErrors.ts';
import { MachineEngine } from './machineEngine.ts';
import { openFirmware, type OpenFirmware } from './openFirmware.ts';
import type { Networks } from './openNetworks.ts';
import type { LayeredDisk } from '../block/layeredDisk.ts';
import type { RamBase } from './ramFiles.ts';
import { openDrives, type OpenDrives } from './openDrives.ts';

/** Where wall time starts under the counted clock. */
const countedStartMs = Date.UTC(2026, 0, 1);

/** Holds 2560×1600 at 32 bits. */
const videoMemory = 32 * 2 ** 20;
const preferredSize = { width: 1024, height: 768 } as const;

const displayOf = (kind: DisplaySpec['kind']): DisplaySpec => ({
  kind,
  memory: videoMemory,
  preferredSize,
});

export interface BuildParts {
  readonly serial: readonly CharacterBackend[];
  readonly debugConsole?: CharacterBackend;
  /** A line for the log, worth a person's attention. */
  report(line: string): void;
  /** The machine has paused itself because the host cannot serve it. */
  hostFailure(message: string): void;
}

export interface BuiltMachine {
  readonly machine: Machine;
  readonly engine: MachineEngine;
  /** The state that it goes on from, since when changes of RAM are noted. */
  readonly restored: RamBase | undefined;
  /** Undefined without network adapters. */
  readonly networks: Networks | undefined;
  readonly changeMedium: OpenDrives['changeMedium'];
  /** Plugs in one more SATA disk, whose `port` says where. Rejects with BlockError or UserError. */
  attachDisk(disk: DiskConfig): Promise<void>;
  /** Pulls out a SATA disk, counted as `disks` are, that is in the port; it is closed then. */
  detachDisk(index: number, port: number): Promise<void>;
  readonly diskCounters: Readonly<DiskCounters>;
  /** In the order of the request. */
  readonly disks: readonly LayeredDisk[];
  /** Ends the machine and closes its disks. */
  close(): Promise<void>;
}

/** Reads the files, opens the disks, builds the PC. Rejects with UserError and leaves nothing open. */
export async function buildMachine(
  request: MachineRequest,
  parts: BuildParts,
): Promise<BuiltMachine> {
  let open: OpenDrives | undefined;
  let firmware: OpenFirmware | undefined;
  let networks: Networks | undefined;
  let machine: Machine | undefined;
  const closed = new AbortController();
  try {
    const { boot } = request;
    const engine = await MachineEngine.choose(request);
    const hardware = engine.inUse.name === 'kvm';
    if (boot.firmware !== undefined) firmware = await openFirmware(boot.firmware, request.owner);
    const toBoot = await whatToBoot(boot, firmware, hardware);
    // What most runs of firmware do not need is loaded for those that do: it would be a good part of their start.
    if (request.adapters.length > 0)
      networks = new (await import('./openNetworks.ts')).Networks(request);
    const {
      drives,
      disks,
      changeMedium,
      counters,
      attach,
      detach,
      close: closeDrives,
    } = (open = await openDrives(request));
    await engine.ready();
    machine = createPc(
      {
        memory: request.memoryMiB * 2 ** 20,
        cpus: request.cpus,
        cpuModel: request.cpuModel,
        engine: engine.inUse.name,
        cpuCap: request.cpuCap,
        boot: toBoot,
        drives,
        adapters: networks?.adapters.map((adapter) => adapter.spec()) ?? [],
        ...(request.display.card === 'none' ? {} : { display: displayOf(request.display.card) }),
        serial: parts.serial,
        debugExit: request.debugExit,
        time: request.clock === 'host' ? 'host' : { counted: { wallMs: countedStartMs } },
        ...(parts.debugConsole === undefined ? {} : { debugConsole: parts.debugConsole }),
      },
      {
        createEngine: (wanted) => engine.create(wanted),
        yieldToEventLoop: () => nextTurn(),
        onHostFailure: (message) => parts.hostFailure(message),
      },
    );
    await networks?.open();
    let restored: RamBase | undefined;
    if (request.state !== undefined) {
      const { loadMachineFiles } = await import('./machineFiles.ts');
      restored = await loadMachineFiles(machine, request.state);
    }
    // The RAM of a restored one is a file.
    if (!restored)
      useHugePages(new Uint8Array(machine.ram.buffer), closed.signal).catch(() => undefined);
    const built = {
      machine,
      engine,
      restored,
      networks,
      disks,
      changeMedium,
      diskCounters: counters,
    };
    return {
      ...built,
      attachDisk: async (disk) => {
        if (!built.machine.hotPlug) throw noHotPlug();
        built.machine.plugDisk(disk.port ?? 0, await attach(disk));
      },
      detachDisk: async (index, port) => {
        const closeDisk = detach(index);
        await built.machine.unplugDisk(port);
        await closeDisk();
      },
      close: async () => {
        closed.abort();
        try {
          await built.machine.dispose();
        } finally {
          await built.networks?.close();
          await closeDrives();
          await firmware?.close();
        }
      },
    };
  } catch (error) {
    await machine?.dispose();
    await networks?.close().catch(() => undefined);
    await open?.close().catch(() => undefined);
    await firmware?.close().catch(() => undefined);
    throw asUserError(namingKernel(error, request.boot.kernel ?? ''));
  }
}

const noHotPlug = (): UserError =>
  new UserError({
    code: 'no-controller',
    message: 'The VM has no SATA controller, into which disks can be plugged while it runs.',
    hint: 'Power it off and attach the disk then; a VM with a SATA drive takes others while it runs.',
  });

const driveKinds = { a: 'floppy', c: 'hdd', d: 'cdrom', n: 'network' } as const;

async function whatToBoot(
  boot: MachineRequest['boot'],
  external: OpenFirmware | undefined,
  hardware: boolean,
): Promise<KernelBoot | BiosBoot> {
  if (boot.kernel === undefined) {
    return {
      ...(external === undefined ? {} : { external: external.firmware }),
      order: [...boot.order].map((letter) => driveKinds[letter as keyof typeof driveKinds]),
      menu: boot.menu,
    };
  }
  const [kernelFile, initrd] = await Promise.all([
    readBootFile('kernel', boot.kernel),
    boot.initrd === undefined ? undefined : readBootFile('initrd', boot.initrd),
  ]);
  const { bootableKernel, extractVmlinux } = await import('./kernelDecompress.ts');
  const { cachedKernel } = await import('./kernelCache.ts');
  return {
    // With hardware assistance the guest unpacks itself faster than JavaScript does.
    kernel: await bootableKernel(kernelFile, boot.protocol, (file) =>
      hardware && boot.protocol === 'auto'
        ? Promise.resolve(undefined)
        : cachedKernel(file, () => extractVmlinux(file)),
    ),
    commandLine: boot.commandLine,
    ...(initrd === undefined ? {} : { initrd }),
  };
}
