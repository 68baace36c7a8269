/** The commands over the library and its running VMs, by the same services as the window's. */
import { Argument, Command } from 'commander';
import { UserError } from '../../shared/services/errors.ts';
import type {
  BootConfig,
  CdromConfig,
  DiskConfig,
  FloppyConfig,
  NewDiskRequest,
  VmConfig,
} from '../../shared/vm/config.ts';
import {
  graphicsCards,
  mostMemoryMiB,
  newVmSchema,
  vmChangesSchema,
} from '../../shared/vm/config.ts';
import type { FirmwareRequest } from '../../shared/vm/machineRequest.ts';
import { cpuModels, type CpuModel } from '../../shared/vm/cpuModels.ts';
import { engineChoices, type EngineName } from '../../shared/vm/engines.ts';
import { checkCapabilities } from '../../shared/vm/capabilities.ts';
import { UsageError } from './commandError.ts';
import { attachConsole } from './consoleCommand.ts';
import { engineOf, formatDetails, formatList, stateNames } from './format.ts';
import { netHelp, parseNet, type RunAdapter } from './parseNet.ts';
import { hostPath, oneOf, wholeNumber } from './optionValues.ts';
import {
  driveOptions,
  cpuCapOption,
  cpuModelHelp,
  memoryHelp,
  engineHelp,
  parseBoot,
  parseFirmware,
  parseNewDisk,
  parseWith,
  type BootChoice,
} from './parseOptions.ts';
import { findVm, withServices } from './withServices.ts';

interface SettingFlags {
  name?: string;
  description?: string;
  kernel?: string;
  boot?: BootChoice;
  initrd?: string | false;
  append?: string;
  memory?: number;
  cpus?: number;
  cpuModel?: CpuModel;
  engine?: VmConfig['engine'];
  cpuCap?: number;
  disk?: DiskConfig[] | false;
  cdrom?: CdromConfig[] | false;
  floppy?: FloppyConfig[] | false;
  firmware?: FirmwareRequest | false;
  vga?: VmConfig['display']['card'];
  newDisk?: NewDiskRequest[];
  json?: true;
  net?: (RunAdapter | undefined)[];
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
/** What was done: for people, or with --json what it was done to. */
const tell = (flags: { readonly json?: true }, result: unknown, text: string): void =>
  print(flags.json ? JSON.stringify(result, null, 2) : text);

/** With these a new VM has the CPU model that KVM takes. */
const hardware: readonly SettingFlags['engine'][] = ['kvm', 'auto'];

export function libraryCommands(finish: (code: number) => void): Command[] {
  return [
    new Command('list')
      .description('list the VMs')
      .option('--json', 'machine-readable')
      .action((flags: { json?: true }) =>
        withServices('direct', async ({ library }) => {
          const vms = await library.list();
          print(flags.json ? JSON.stringify(vms, null, 2) : formatList(vms));
        }),
      ),

    new Command('show')
      .description('show the settings and state of a VM')
      .argument('<vm>', 'name or id')
      .option('--json', 'machine-readable')
      .action((name: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const summary = await findVm(services, name);
          const config = summary.unusable ? undefined : await services.library.get(summary.id);
          print(
            flags.json
              ? JSON.stringify({ ...summary, ...(config && { config }) }, null, 2)
              : formatDetails(summary, config),
          );
        }),
      ),

    settingOptions(
      new Command('create')
        .description('create a VM')
        .argument('<name>')
        .option(
          '--new-disk <size[,format=FORMAT][,if=virtio|ide|ahci]>',
          'an empty disk image of this size (as in 20G), qcow2 by default; may be repeated',
          (text: string, before: NewDiskRequest[] | undefined) => [
            ...(before ?? []),
            parseNewDisk(text),
          ],
        ),
    ).action((name: string, flags: SettingFlags) =>
      withServices('direct', async ({ library }) => {
        const boot = bootOf(flags);
        const { disk, cdrom, floppy } = flags;
        const network = boot?.firmware !== undefined || boot?.order?.includes('n') === true;
        const drives = disk || cdrom || floppy || flags.newDisk;
        if (boot?.kernel === undefined && !drives && !network) {
          throw new UsageError(
            'create: name a kernel to boot with --kernel FILE, or something to boot from: --cdrom, --disk, --floppy, or the network: --boot n',
          );
        }
        const vm = parseWith(newVmSchema, {
          memoryMiB: 512,
          ...(hardware.includes(flags.engine) && { cpuModel: 'host-like' }),
          ...changesOf(flags),
          name,
          boot: boot ?? {},
        });
        checkCapabilities(vm);
        const created = await library.create(vm, flags.newDisk);
        print(`Created "${created.name}" (${created.id}).`);
      }),
    ),

    settingOptions(
      new Command('modify')
        .description('change settings of a VM')
        .argument('<vm>', 'name or id')
        .option('--name <name>', 'rename it')
        .option('--no-initrd', 'boot without an initial RAM disk')
        .option('--no-disk', 'remove all disks')
        .option('--no-cdrom', 'remove all CD-ROM drives')
        .option('--no-floppy', 'remove all floppy drives')
        .option('--no-firmware', 'boot by our own BIOS'),
    ).action((name: string, flags: SettingFlags) =>
      withServices('direct', async (services) => {
        const { id } = await findVm(services, name);
        const before = await services.library.get(id);
        const boot = bootOf(flags, before.boot);
        const changes = parseWith(vmChangesSchema, { ...changesOf(flags), ...(boot && { boot }) });
        if (Object.keys(changes).length === 0)
          throw new UsageError('modify: name a setting to change, as --memory');
        checkCapabilities({ ...before, ...changes });
        const after = await services.library.modify(id, changes);
        tell(flags, after, `Changed "${after.name}".`);
      }),
    ),

    new Command('delete')
      .description('delete a VM; its disk images stay unless --files is given')
      .argument('<vm>', 'name or id')
      .option('--files', 'delete its disk images too, but for those that other VMs need')
      .option('--json', 'machine-readable')
      .action((name: string, flags: { files?: true; json?: true }) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          await services.library.delete(vm.id, flags.files ? 'delete' : 'keep');
          tell(flags, { id: vm.id, name: vm.name }, `Deleted "${vm.name}".`);
        }),
      ),

    new Command('start')
      .description('start a VM')
      .argument('<vm>', 'name or id')
      .option('--console', 'attach to its serial console')
      .option('--json', 'machine-readable')
      .action((name: string, flags: { console?: true; json?: true }) =>
        withServices('start', async (services, lost) => {
          const vm = await findVm(services, name);
          await services.session.start(vm.id);
          if (flags.console) finish(await attachConsole(services, vm, lost));
          else tell(flags, await findVm(services, vm.id), `"${vm.name}" is running.`);
        }),
      ),

    new Command('stop')
      .description('press the power button of a VM, or power it off')
      .argument('<vm>', 'name or id')
      .option('--force', 'power off at once, like pulling the plug')
      .option('--json', 'machine-readable')
      .action((name: string, flags: { force?: true; json?: true }) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          await services.session.stop(vm.id, flags.force ? 'powerOff' : 'acpi');
          tell(
            flags,
            await findVm(services, vm.id),
            flags.force
              ? `"${vm.name}" is powered off.`
              : `Pressed the power button of "${vm.name}"; --force powers it off.`,
          );
        }),
      ),

    ...(['pause', 'resume', 'reset'] as const).map((verb) =>
      new Command(verb)
        .description(`${verb} a running VM`)
        .argument('<vm>', 'name or id')
        .option('--json', 'machine-readable')
        .action((name: string, flags: { json?: true }) =>
          withServices('direct', async (services) => {
            const vm = await findVm(services, name);
            await services.session[verb](vm.id);
            const now = await findVm(services, vm.id);
            tell(flags, now, `"${vm.name}" is ${stateNames[now.state].toLowerCase()}.`);
          }),
        ),
    ),

    new Command('engine')
      .description('tell what a running VM runs on, or move it to another engine while it runs')
      .argument('<vm>', 'name or id')
      .addArgument(new Argument('[engine]', 'where to').choices(['translator', 'kvm']))
      .option('--json', 'machine-readable')
      .action((name: string, engine: EngineName | undefined, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          const moved = engine && (await services.session.switchEngine(vm.id, engine));
          const now = await findVm(services, vm.id);
          if (now.engine === undefined)
            throw new UserError({
              code: 'not-running',
              message: `"${vm.name}" is not running.`,
              hint: 'The engine that it starts on is one of its settings: "guesthouse modify --engine".',
            });
          const still =
            moved === undefined ? '' : `; the guest stood still for ${moved.pauseMs.toFixed(1)} ms`;
          tell(
            flags,
            { ...now, ...moved },
            `"${vm.name}" runs on ${engineOf(now.engine)}${still}.`,
          );
        }),
      ),

    new Command('console')
      .description('attach to the serial console of a running VM; Ctrl-] detaches')
      .argument('<vm>', 'name or id')
      .action((name: string) =>
        withServices('direct', async (services, lost) => {
          finish(await attachConsole(services, await findVm(services, name), lost));
        }),
      ),

    new Command('stats')
      .description('print counters of the engine and devices of a running VM')
      .argument('<vm>', 'name or id')
      .option('--json', 'machine-readable')
      .action((name: string, flags: { json?: true }) =>
        withServices('direct', async (services) => {
          const vm = await findVm(services, name);
          const counters = await services.session.counters(vm.id);
          print(
            flags.json
              ? JSON.stringify(counters, null, 2)
              : Object.entries(counters)
                  .map(([key, value]) => `${key}: ${value}`)
                  .join('\n'),
          );
        }),
      ),
  ];
}

function settingOptions(command: Command): Command {
  return driveOptions(command)
    .option('--json', 'machine-readable')
    .option('--description <text>', 'notes')
    .option(
      '--net <network>',
      `${netHelp}; these are then all adapters of the VM`,
      (text: string, before: (RunAdapter | undefined)[] | undefined) => [
        ...(before ?? []),
        parseNet(text),
      ],
    )
    .option('--kernel <file>', 'bzImage, vmlinux or Multiboot ELF; a new VM needs one')
    .option('--initrd <file>', 'initial RAM disk')
    .option(
      '--boot <order[,menu]>',
      'what is tried, in order: c disks, d CD-ROMs, f or a floppies, n the network by PXE (a new VM has cda); menu: wait for F12',
      parseBoot,
    )
    .option(
      '--firmware <file[,template=file]>',
      'SeaBIOS or OVMF in the place of our own BIOS; the VM keeps its UEFI variables in its folder',
      parseFirmware,
    )
    .option(
      '--vga <card>',
      'graphics card: std (VGA with Bochs VBE), virtio (VGA with a virtio GPU) or none',
      oneOf('--vga', graphicsCards),
    )
    .option('--append <text>', 'kernel command line')
    .option(
      '--memory <MiB>',
      `${memoryHelp} (a new VM has 512)`,
      wholeNumber('--memory', 16, mostMemoryMiB, 'MiB'),
    )
    .option('--cpus <n>', 'virtual CPUs', wholeNumber('--cpus', 1, 8))
    .option(
      '--cpu-model <model>',
      `${cpuModelHelp} (a new VM: host-like with the engines kvm and auto, else guesthouse-v2)`,
      oneOf('--cpu-model', cpuModels),
    )
    .option('--engine <engine>', engineHelp, oneOf('--engine', engineChoices))
    .option(...cpuCapOption);
}

function changesOf(flags: SettingFlags): Record<string, unknown> {
  const { name, description, memory, cpus, cpuModel, engine, cpuCap } = flags;
  const { disk, cdrom, floppy, vga } = flags;
  const all = {
    name,
    description,
    memoryMiB: memory,
    cpus,
    cpuModel,
    engine,
    cpuCap,
    disks: drives(disk),
    cdroms: drives(cdrom),
    floppies: drives(floppy),
    display: vga === undefined ? undefined : { card: vga },
    adapters: flags.net?.filter((adapter) => adapter !== undefined),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** commander gives `true` for a --no option that was not used. */
const drives = <T>(list: readonly T[] | boolean | undefined): readonly T[] | undefined =>
  list === false ? [] : list === true ? undefined : list;

/** The boot settings after the flags; undefined if no flag concerns them. */
function bootOf(flags: SettingFlags, before?: BootConfig): Partial<BootConfig> | undefined {
  const { kernel, initrd, append, firmware, boot } = flags;
  const initrdChanged = initrd === false || typeof initrd === 'string';
  const firmwareChanged = firmware === false || typeof firmware === 'object';
  const othersChanged = append !== undefined || boot !== undefined;
  if (kernel === undefined && !othersChanged && !initrdChanged && !firmwareChanged)
    return undefined;
  const { initrd: initrdBefore, firmware: firmwareBefore, ...rest } = before ?? {};
  if (firmwareChanged && firmware !== false && firmware.variables !== undefined)
    throw new UsageError('--firmware vars=: a VM keeps its variables in its own folder');
  const firmwareAfter = !firmwareChanged
    ? firmwareBefore
    : firmware === false
      ? undefined
      : firmware;
  const initrdAfter =
    initrd === false ? undefined : initrd === undefined ? initrdBefore : hostPath(initrd);
  return {
    ...rest,
    ...boot,
    ...(kernel === undefined ? {} : { kernel: hostPath(kernel) }),
    ...(append === undefined ? {} : { commandLine: append }),
    ...(initrdAfter === undefined ? {} : { initrd: initrdAfter }),
    ...(firmwareAfter === undefined ? {} : { firmware: firmwareAfter }),
  };
}
