import { Command } from 'commander';
import { diskFormats } from '../../shared/vm/diskFormats.ts';
import type {
  DiskFormat,
  DiskFormatChoice,
  DiskInfo,
  DiskLayout,
  DiskSource,
  Watch,
} from '../../shared/vm/diskTool.ts';
import { diskTool as tool } from '../manager/diskTool.ts';
import { UsageError } from './commandError.ts';
import { hostPath, oneOf, parseSize } from './optionValues.ts';

const formats = diskFormats.filter((format) => format !== 'auto');

interface SourceFlags {
  format: DiskFormatChoice;
  allow?: string[];
  json?: true;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** `guesthouse disk …`: images without a machine. */
export function diskCommand(finish: (code: number) => void): Command {
  const command = new Command('disk').description('create, convert and look after disk images');

  command.addCommand(
    source(new Command('info'))
      .description('what an image is, and those that it builds on')
      .argument('<file>')
      .action(async (file: string, flags: SourceFlags) => {
        const chain = await (await tool()).diskInfo(sourceOf(file, flags));
        if (flags.json) printJson(chain);
        else print(chain.map(describe).join('\n\n'));
      }),
  );

  command.addCommand(
    layout(source(new Command('create'), false))
      .description('make an empty image, or one that builds on another')
      .argument('<file>')
      .argument('[size]', 'as in 20G; with --backing its size by default')
      .requiredOption('-f, --format <format>', formats.join(', '), oneOf('--format', formats))
      .option('-b, --backing <file>', 'the image that it builds on, which must not change any more')
      .option(
        '--backing-format <format>',
        'its format',
        oneOf('--backing-format', diskFormats),
        'auto',
      )
      .action(async (file: string, size: string | undefined, flags: CreateFlags) => {
        if (size === undefined && flags.backing === undefined)
          throw new UsageError(
            'disk create: name a size, as in "disk create -f qcow2 a.qcow2 20G"',
          );
        const { format, backing, backingFormat } = flags;
        await (
          await tool()
        ).createDisk({
          ...{ path: hostPath(file), format, ...layoutOf(flags.option) },
          size: size === undefined ? undefined : parseSize(size),
          backing:
            backing === undefined
              ? undefined
              : sourceOf(backing, { ...flags, format: backingFormat }),
        });
        if (flags.json) printJson({ path: hostPath(file) });
        else print(`Created ${hostPath(file)}.`);
      }),
  );

  command.addCommand(
    source(new Command('check'))
      .description('look for damage; exit code 1 if there is some, 3 if space is only wasted')
      .argument('<file>')
      .option('--repair', 'put right what can be')
      .action(async (file: string, flags: SourceFlags & { repair?: true }) => {
        const { repair = false } = flags;
        const check = await (await tool()).checkDisk(sourceOf(file, flags), { repair });
        finish(check.errorCount > 0 ? 1 : check.leakedBytes > 0 ? 3 : 0);
        if (flags.json) return printJson(check);
        for (const line of check.repaired) print(`Repaired: ${line}.`);
        for (const line of check.errors) print(`Damaged: ${line}.`);
        if (check.errorCount > check.errors.length)
          print(`… and ${check.errorCount - check.errors.length} errors more.`);
        if (check.leakedBytes > 0) print(`Wasted: ${amount(check.leakedBytes)} that nothing uses.`);
        if (check.errorCount === 0 && check.leakedBytes === 0) print('The image is in order.');
      }),
  );

  command.addCommand(
    layout(source(new Command('convert')))
      .description('copy a disk into a new image of another format, which stands alone')
      .argument('<source>')
      .argument('<target>', 'must not exist')
      .requiredOption('-O, --output-format <format>', formats.join(', '), oneOf('-O', formats))
      .option('-c, --compress', 'compress it: qcow2, or vmdk, which is stream-optimized then')
      .option(
        '--no-flush',
        "leave the copy in the host's cache, as qemu-img does; a power cut in the next minute may lose it",
      )
      .option('-l, --snapshot <name>', 'copy an internal snapshot instead of the present state')
      .action(async (from: string, to: string, flags: ConvertFlags) => {
        const { outputFormat: format, snapshot, compress } = flags;
        const compressed = compress ?? false;
        const layoutWanted = layoutOf(flags.option);
        const unflushed = !flags.flush;
        const target = { path: hostPath(to), format, compressed, unflushed, ...layoutWanted };
        const disk = { ...sourceOf(from, flags), snapshot };
        const { convertDisk } = await tool();
        await watched(flags, (watch) => convertDisk(disk, target, watch));
        if (flags.json) printJson({ path: target.path });
        else print(`Wrote ${target.path}.`);
      }),
  );

  command.addCommand(
    source(new Command('clone'))
      .description('copy an image in its format, or make one that builds on it')
      .argument('<source>')
      .argument('<target>', 'must not exist')
      .option('--linked', 'build on the source, which must not change any more')
      .action(async (from: string, to: string, flags: SourceFlags & { linked?: true }) => {
        const { createDisk, convertDisk, diskInfo } = await tool();
        const disk = sourceOf(from, flags);
        const path = hostPath(to);
        const format = (await diskInfo(disk))[0]?.format ?? 'raw';
        if (flags.linked) await createDisk({ path, format: linkedFormat(format), backing: disk });
        else await watched(flags, (watch) => convertDisk(disk, { path, format }, watch));
        if (flags.json) printJson({ path });
        else print(`Wrote ${path}.`);
      }),
  );

  command.addCommand(
    source(new Command('resize'))
      .description('make a disk larger or smaller')
      .argument('<file>')
      .argument('<size>', 'as in 20G, or +5G')
      .option('--shrink', 'allow a smaller size, which loses the end of the disk')
      .action(async (file: string, size: string, flags: SourceFlags & { shrink?: true }) => {
        const { diskInfo, resizeDisk } = await tool();
        const disk = sourceOf(file, flags);
        const relative = size.startsWith('+');
        const before = relative ? ((await diskInfo(disk))[0]?.size ?? 0) : 0;
        const bytes = before + parseSize(relative ? size.slice(1) : size);
        const shrink = flags.shrink ?? false;
        await watched(flags, (watch) => resizeDisk(disk, bytes, { shrink, watch }));
        if (flags.json) printJson({ path: disk.path, size: bytes });
        else print(`${disk.path} has ${amount(bytes)} now.`);
      }),
  );

  command.addCommand(
    source(new Command('merge'))
      .description('write what an image has into the one that it builds on')
      .argument('<file>')
      .action(async (file: string, flags: SourceFlags) => {
        const { mergeDisk } = await tool();
        const disk = sourceOf(file, flags);
        const { into } = await watched(flags, (watch) => mergeDisk(disk, watch));
        if (flags.json) printJson({ path: disk.path, into });
        else print(`${into} has it all now; ${disk.path} can be removed.`);
      }),
  );
  command.addCommand(
    source(new Command('compact'))
      .description('give back what a raw or QCOW2 image takes on the host for nothing')
      .argument('<file>')
      .action(async (file: string, flags: SourceFlags) => {
        const { compactDisk, diskInfo } = await tool();
        const disk = sourceOf(file, flags);
        const taken = async (): Promise<number> => (await diskInfo(disk))[0]?.allocated ?? 0;
        const before = await taken();
        await watched(flags, (watch) => compactDisk(disk, watch));
        const after = await taken();
        if (flags.json) printJson({ path: disk.path, before, after });
        else print(`${disk.path} takes ${after} bytes on the host, instead of ${before}.`);
      }),
  );

  command.addCommand(
    source(new Command('rebase'))
      .description(
        'let a QCOW2 image build on another image, or on none; its content stays the same',
      )
      .argument('<file>')
      .option('-b, --backing <file>', 'the image that it is to build on; without it on none')
      .option(
        '--backing-format <format>',
        'its format',
        oneOf('--backing-format', diskFormats),
        'auto' as const,
      )
      .option('--same-content', 'both images are the same, so nothing has to be copied')
      .action(async (file: string, flags: RebaseFlags) => {
        const { rebaseDisk } = await tool();
        const disk = sourceOf(file, flags);
        const { backing, backingFormat: format, sameContent } = flags;
        const below = backing === undefined ? undefined : hostPath(backing);
        const { allowedFolders } = disk;
        await watched(flags, (watch) =>
          rebaseDisk(
            disk,
            below === undefined ? undefined : { path: below, format, allowedFolders },
            {
              ...watch,
              sameContent: sameContent === true,
            },
          ),
        );
        if (flags.json) printJson({ path: disk.path, backing: below ?? null });
        else
          print(`${disk.path} ${below === undefined ? 'stands alone' : `builds on ${below}`} now.`);
      }),
  );
  for (const sub of command.commands)
    sub.exitOverride().configureOutput({ outputError: () => undefined });
  return command;
}

interface CreateFlags extends Omit<SourceFlags, 'format'> {
  format: DiskFormat;
  backing?: string;
  backingFormat: DiskFormatChoice;
  option?: string[];
}

interface RebaseFlags extends SourceFlags {
  backing?: string;
  backingFormat: DiskFormatChoice;
  sameContent?: true;
}

interface ConvertFlags extends SourceFlags {
  outputFormat: DiskFormat;
  snapshot?: string;
  compress?: true;
  flush: boolean;
  option?: string[];
}

function source(command: Command, withFormat = true): Command {
  if (withFormat)
    command.option(
      '-f, --format <format>',
      `format of the source: ${diskFormats.join(', ')}`,
      oneOf('--format', diskFormats),
      'auto',
    );
  return command
    .option(
      '--allow <folder>',
      'where images may lie that it builds on, besides its own folder; may be repeated',
      (folder: string, before: string[] | undefined) => [...(before ?? []), folder],
    )
    .option('--json', 'machine-readable');
}

function layout(command: Command): Command {
  return command.option(
    '-o, --option <name=value>',
    'cluster_size=64K, fixed, version=2|3, lazy_refcounts, subclusters, compression=zlib|zstd; may be repeated',
    (text: string, before: string[] | undefined) => [...(before ?? []), ...text.split(',')],
  );
}

function sourceOf(file: string, flags: Pick<SourceFlags, 'format' | 'allow'>): DiskSource {
  const { format, allow = [] } = flags;
  return {
    ...{ path: hostPath(file), format },
    allowedFolders: allow.map((folder) => hostPath(folder)),
  };
}

function layoutOf(options: readonly string[] = []): DiskLayout {
  const found: { -readonly [K in keyof DiskLayout]: DiskLayout[K] } = {};
  for (const option of options) {
    const [name, value = 'on'] = option.split('=', 2);
    const on = (): boolean => oneOf(`-o ${name}`, ['on', 'off'])(value) === 'on';
    switch (name) {
      case 'cluster_size':
        found.clusterSize = parseSize(value);
        break;
      case 'fixed':
        found.fixed = on();
        break;
      case 'version':
        found.qcow2Version = oneOf('-o version', ['2', '3'])(value) === '2' ? 2 : 3;
        break;
      case 'lazy_refcounts':
        found.lazyRefcounts = on();
        break;
      case 'subclusters':
        found.subclusters = on();
        break;
      case 'compression':
        found.compression = oneOf('-o compression', ['zlib', 'zstd'])(value);
        break;
      default:
        throw new UsageError(
          `-o ${option}: use cluster_size, fixed, version, lazy_refcounts, subclusters or compression`,
        );
    }
  }
  return found;
}

/** Only formats that can build on an image of that one. */
function linkedFormat(format: DiskFormat): DiskFormat {
  return format === 'vdi' || format === 'vhd' || format === 'vmdk' ? format : 'qcow2';
}

function amount(bytes: number): string {
  const power = [40, 30, 20, 10].find((each) => bytes >= 2 ** each) ?? 0;
  const unit = { 40: 'TiB', 30: 'GiB', 20: 'MiB', 10: 'KiB', 0: 'bytes' }[power] as string;
  const value = bytes / 2 ** power;
  return `${Number.isInteger(value) ? value : value.toFixed(2)} ${unit}`;
}

function describe(info: DiskInfo): string {
  const rows: [string, string][] = [
    ['Image', info.path],
    ['Format', `${info.format} (${info.variant})`],
    ['Disk size', `${amount(info.size)} (${info.size} bytes)`],
    ['Takes', amount(info.allocated)],
  ];
  if (info.clusterSize !== undefined) rows.push(['Clusters', amount(info.clusterSize)]);
  if (info.backing !== undefined) rows.push(['Builds on', info.backing.name]);
  for (const extent of info.extents ?? []) rows.push(['Extent', extent]);
  for (const [name, value] of Object.entries(info.details)) rows.push([name, String(value)]);
  for (const { id, name, size, takenAt } of info.snapshots)
    rows.push([`Snapshot ${id}`, `${name}, ${new Date(takenAt).toISOString()}, ${amount(size)}`]);
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${`${label}:`.padEnd(width + 2)}${value}`).join('\n');
}

/** Shows how far it is, on a terminal, and ends the work in order on Ctrl-C. */
async function watched<T>(
  flags: { readonly json?: true },
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const shown = process.stderr.isTTY && !flags.json;
  let last = -1;
  const progress = (done: number, total: number): void => {
    const percent = Math.floor((done / total) * 100);
    if (!shown || percent === last) return;
    last = percent;
    process.stderr.write(`\r${percent} %`);
  };
  try {
    return await work({ signal: stop.signal, progress });
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    if (shown) process.stderr.write('\r     \r');
  }
}
