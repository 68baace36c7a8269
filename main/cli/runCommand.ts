import { Command } from 'commander';
import { checkCapabilities } from '../../shared/vm/capabilities.ts';
import {
  graphicsCards,
  mostMemoryMiB,
  type CdromConfig,
  type DiskConfig,
  type FloppyConfig,
} from '../../shared/vm/config.ts';
import {
  bootProtocols,
  clocks,
  machineRequestSchema,
  type FirmwareRequest,
  type MachineRequest,
  type RunModule,
  type RunOptions,
  type TimedKeys,
  type TimedScreenshot,
} from '../../shared/vm/machineRequest.ts';
import { autoEngine } from '../../shared/vm/autoEngine.ts';
import { cpuModels, type CpuModel } from '../../shared/vm/cpuModels.ts';
import { engineChoices, type EngineName } from '../../shared/vm/engines.ts';
import { runExit } from '../../shared/vm/runExit.ts';
import { UserError } from '../../shared/services/errors.ts';
import { engineEntry } from '../manager/engineEntry.ts';
import { UsageError } from './commandError.ts';
import { netHelp, parseNet, withMacs, type RunAdapter } from './parseNet.ts';
import { hostPath, oneOf, wholeNumber } from './optionValues.ts';
import {
  cpuCapOption,
  cpuModelHelp,
  memoryHelp,
  driveOptions,
  parseBoot,
  parseFirmware,
  type BootChoice,
  parseScreenshot,
  parseSendKeys,
  parseWith,
} from './parseOptions.ts';

interface RunFlags {
  kernel?: string;
  initrd?: string;
  append?: string;
  boot?: BootChoice;
  firmware?: FirmwareRequest;
  memory: number;
  cpus: number;
  cpuModel?: CpuModel;
  disk?: DiskConfig[];
  cdrom?: CdromConfig[];
  floppy?: FloppyConfig[];
  net?: (RunAdapter | undefined)[];
  engine: MachineRequest['engine'];
  cpuCap?: number;
  serial: RunOptions['serial'];
  debugExit?: true;
  bootProtocol: MachineRequest['boot']['protocol'];
  clock: MachineRequest['clock'];
  maxSeconds?: number;
  stats?: true;
  vga: MachineRequest['display']['card'];
  screenshot?: TimedScreenshot[];
  screenText?: true;
  untilScreen?: string;
  sendkeys?: TimedKeys[];
}

/** Errors that no other argument helps against. */
const notArguments = ['internal', 'core-missing'];

/** `guesthouse run`: one machine without the library. `finish` is given the exit code. */
export function runCommand(finish: (code: number) => void): Command {
  return driveOptions(new Command('run'))
    .description('boot one machine without the library; its serial port is this terminal')
    .option(
      '--kernel <file>',
      'bzImage, vmlinux or Multiboot ELF; without it the drives are booted',
    )
    .option('--initrd <file>', 'initial RAM disk')
    .option('--append <text>', 'kernel command line, as in "console=ttyS0"')
    .option(
      '--boot <order[,menu]>',
      'what is tried, in order: c disks, d CD-ROMs, f or a floppies, n the network by PXE (default: cda); menu: wait for F12',
      parseBoot,
    )
    .option(
      '--firmware <file[,vars=file][,template=file]>',
      'SeaBIOS or OVMF in the place of our own BIOS; vars: where UEFI variables are kept, made from the\n' +
        'template (by default OVMF_VARS beside OVMF_CODE); without it they are forgotten at the end',
      parseFirmware,
    )
    .option('--memory <MiB>', memoryHelp, wholeNumber('--memory', 16, mostMemoryMiB, 'MiB'), 512)
    .option('--cpus <n>', 'virtual CPUs', wholeNumber('--cpus', 1, 8), 1)
    .option(
      '--cpu-model <model>',
      `${cpuModelHelp} (default: guesthouse-v2; host-like on KVM)`,
      oneOf('--cpu-model', cpuModels),
    )
    .option(
      '--net <network>',
      netHelp,
      (text: string, before: (RunAdapter | undefined)[] | undefined) => [
        ...(before ?? []),
        parseNet(text),
      ],
    )
    .option(
      '--engine <engine>',
      'interpreter, translator, kvm, or auto: KVM where "guesthouse doctor" finds it usable, else the translator',
      oneOf('--engine', engineChoices),
      'translator',
    )
    .option(...cpuCapOption)
    .option('--serial <where>', 'stdio or none', oneOf('--serial', ['stdio', 'none']), 'stdio')
    .option(
      '--vga <card>',
      'graphics card: std (VGA with Bochs VBE), virtio (VGA with a virtio GPU) or none',
      oneOf('--vga', graphicsCards),
      'std',
    )
    .option(
      '--screenshot <file.png[@seconds]>',
      'write the screen to a PNG file after that time, or when the run ends; may be repeated',
      (text: string, before: TimedScreenshot[] | undefined) => [
        ...(before ?? []),
        parseScreenshot(text),
      ],
    )
    .option(
      '--sendkeys <keys[@seconds]>',
      'type on the keyboard after that time: text, and keys by QEMU\'s names as in "ls<ret>" or\n' +
        '"<ctrl-alt-delete>" (<lt> is "<"); may be repeated',
      (text: string, before: TimedKeys[] | undefined) => [...(before ?? []), parseSendKeys(text)],
    )
    .option('--screen-text', 'print the text-mode screen to stdout when the run ends')
    .option(
      '--until-screen <text>',
      'end the run, with exit code 0, when a line of the text-mode screen contains this, and print it',
    )
    .option(
      '--boot-protocol <how>',
      bootProtocols.join(', '),
      oneOf('--boot-protocol', bootProtocols),
      'auto',
    )
    .option(
      '--clock <source>',
      'host, or counted: time advances with instructions, so that runs repeat',
      oneOf('--clock', clocks),
      'host',
    )
    .option('--debug-exit', 'port 0xf4 ends the run with exit code (value << 1) | 1')
    .option(
      '--max-seconds <n>',
      'end the run with exit code 124 after that time',
      wholeNumber('--max-seconds', 1, 1_000_000, 'seconds'),
    )
    .option('--stats', 'print counters of engine and devices to stderr at the end')
    .addHelpText(
      'after',
      '\nExit codes: 0 the guest powered off; 64 bad arguments; 70 triple fault or a guest that\n' +
        'cannot go on; 124 --max-seconds passed; (value << 1) | 1 with --debug-exit.',
    )
    .action(async (flags: RunFlags) => finish(await run(flags)));
}

async function run(flags: RunFlags): Promise<number> {
  const drives = flags.disk ?? flags.cdrom ?? flags.floppy;
  const network = flags.firmware !== undefined || flags.boot?.order.includes('n') === true;
  if (flags.kernel === undefined && !drives && !network) {
    throw new UsageError(
      'name a kernel with --kernel FILE, or something to boot from: --cdrom, --disk, --floppy, or the network: --boot n',
    );
  }
  const { append = '', disk: disks = [], cdrom: cdroms = [], floppy: floppies = [] } = flags;
  if (disks.length > 16) throw new UsageError('give at most 16 --disk options');
  const engine = flags.engine === 'auto' ? await choose(flags) : flags.engine;
  const request = parseWith(machineRequestSchema, {
    memoryMiB: flags.memory,
    cpus: flags.cpus,
    cpuModel: flags.cpuModel ?? (engine === 'kvm' ? 'host-like' : 'guesthouse-v2'),
    engine,
    ...(flags.cpuCap === undefined ? {} : { cpuCap: flags.cpuCap }),
    boot: {
      ...(flags.kernel === undefined ? {} : { kernel: hostPath(flags.kernel) }),
      ...(flags.initrd === undefined ? {} : { initrd: hostPath(flags.initrd) }),
      commandLine: append,
      protocol: flags.bootProtocol,
      ...flags.boot,
      ...(flags.firmware === undefined ? {} : { firmware: flags.firmware }),
    },
    disks,
    cdroms,
    floppies,
    display: { card: flags.vga },
    adapters: withMacs((flags.net ?? []).filter((adapter) => adapter !== undefined)),
    debugExit: flags.debugExit ?? false,
    owner: '"guesthouse run"',
    clock: flags.clock,
  });
  checkCapabilities(request);
  const { screenshot, screenText, untilScreen } = flags;
  if (flags.vga === 'none' && (screenshot ?? screenText ?? untilScreen) !== undefined) {
    throw new UsageError(
      '--screenshot, --screen-text and --until-screen need a graphics card: leave out --vga none',
    );
  }
  const { runMachine } = (await import(engineEntry('run').href)) as RunModule;
  const options: RunOptions = {
    serial: flags.serial,
    stats: flags.stats ?? false,
    screenshots: screenshot ?? [],
    keys: flags.sendkeys ?? [],
    screenText: screenText ?? false,
    ...(flags.maxSeconds === undefined ? {} : { maxSeconds: flags.maxSeconds }),
    ...(untilScreen === undefined ? {} : { untilScreen }),
  };
  try {
    return await runMachine(request, options);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // A file that cannot be used is an argument to change.
    const text = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
    process.stderr.write(`guesthouse: ${text.replaceAll('\n', ' ')}\n`);
    return notArguments.includes(error.code) ? runExit.unusable : runExit.usage;
  }
}

/** What `auto` comes to, and says so on stderr. */
async function choose({ cpuModel, clock }: RunFlags): Promise<EngineName> {
  const { name, reason } = await autoEngine(
    { clock, ...(cpuModel === undefined ? {} : { cpuModel }) },
    async () => ((await import(engineEntry('run').href)) as RunModule).probeKvm(),
  );
  process.stderr.write(
    `guesthouse: runs on ${name === 'kvm' ? 'KVM' : 'the translator'}: ${reason}.\n`,
  );
  return name;
}
