import { Command } from 'commander';
import { checkCapabilities } from '../../shared/vm/capabilities.ts';
import type { DiskConfig } from '../../shared/vm/config.ts';
import {
  bootProtocols,
  clocks,
  machineRequestSchema,
  runExit,
  type MachineRequest,
  type RunModule,
  type RunOptions,
} from '../../shared/vm/machineRequest.ts';
import { UserError } from '../../shared/services/errors.ts';
import { UsageError } from './commandError.ts';
import { hostPath, oneOf, parseDisk, parseWith, wholeNumber } from './parseOptions.ts';

interface RunFlags {
  kernel?: string;
  initrd?: string;
  append: string;
  memory: number;
  cpus: number;
  cpuModel: MachineRequest['cpuModel'];
  disk: DiskConfig[];
  engine: MachineRequest['engine'];
  serial: RunOptions['serial'];
  debugExit: boolean;
  bootProtocol: MachineRequest['boot']['protocol'];
  clock: MachineRequest['clock'];
  maxSeconds?: number;
  stats: boolean;
}

/** `guesthouse run`: one machine without the library. `finish` is given the exit code. */
export function runCommand(finish: (code: number) => void): Command {
  return new Command('run')
    .description('boot one machine without the library; its serial port is this terminal')
    .option('--kernel <file>', 'bzImage, vmlinux or Multiboot ELF (required)')
    .option('--initrd <file>', 'initial RAM disk')
    .option('--append <text>', 'kernel command line', '')
    .option('--memory <MiB>', 'RAM', wholeNumber('--memory', 16, 3584, 'MiB'), 512)
    .option('--cpus <n>', 'virtual CPUs', wholeNumber('--cpus', 1, 8), 1)
    .option(
      '--cpu-model <model>',
      'guesthouse-v2 or host-like',
      oneOf('--cpu-model', ['guesthouse-v2', 'host-like']),
      'guesthouse-v2',
    )
    .option(
      '--disk <file[,format=raw][,readonly]>',
      'disk image; may be repeated',
      (text: string, before: DiskConfig[]) => [...before, parseDisk(text)],
      [],
    )
    .option(
      '--engine <engine>',
      'interpreter, translator or kvm',
      oneOf('--engine', ['interpreter', 'translator', 'kvm']),
      'interpreter',
    )
    .option('--serial <where>', 'stdio or none', oneOf('--serial', ['stdio', 'none']), 'stdio')
    .option('--display <kind>', 'none', oneOf('--display', ['none']), 'none')
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
    .option('--debug-exit', 'port 0xf4 ends the run with exit code (value << 1) | 1', false)
    .option(
      '--max-seconds <n>',
      'end the run with exit code 124 after that time',
      wholeNumber('--max-seconds', 1, 1_000_000, 'seconds'),
    )
    .option('--stats', 'print counters of engine and devices to stderr at the end', false)
    .action(async (flags: RunFlags) => finish(await run(flags)));
}

async function run(flags: RunFlags): Promise<number> {
  if (flags.kernel === undefined) {
    throw new UsageError('name a kernel to boot with --kernel FILE');
  }
  if (flags.disk.length > 16) throw new UsageError('give at most 16 --disk options');
  const request = parseWith(machineRequestSchema, {
    memoryMiB: flags.memory,
    cpus: flags.cpus,
    cpuModel: flags.cpuModel,
    engine: flags.engine,
    boot: {
      kernel: hostPath(flags.kernel),
      ...(flags.initrd === undefined ? {} : { initrd: hostPath(flags.initrd) }),
      commandLine: flags.append,
      protocol: flags.bootProtocol,
    },
    disks: flags.disk,
    debugExit: flags.debugExit,
    owner: '"guesthouse run"',
    clock: flags.clock,
  });
  checkCapabilities(request);
  const entry = new URL('../../emulator/host/run.ts', import.meta.url);
  const { runMachine } = (await import(entry.href)) as RunModule;
  const options: RunOptions = {
    serial: flags.serial,
    stats: flags.stats,
    ...(flags.maxSeconds === undefined ? {} : { maxSeconds: flags.maxSeconds }),
  };
  try {
    return await runMachine(request, options);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'internal') throw error;
    // A file that cannot be used is an argument to change.
    const text = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
    process.stderr.write(`guesthouse: ${text.replaceAll('\n', ' ')}\n`);
    return runExit.usage;
  }
}
