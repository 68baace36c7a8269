import type { Command } from 'commander';
import type { z } from 'zod';
import { parseKeys, type Stroke } from '../../shared/input/typing.ts';
import { diskFormats } from '../../shared/vm/diskFormats.ts';
import {
  bootSchema,
  cdromSchema,
  diskCaches,
  diskInterfaces,
  diskSchema,
  floppySchema,
  mostCoreMemoryMiB,
  mostMemoryMiB,
  type CdromConfig,
  type DiskConfig,
  type FloppyConfig,
  type NewDiskRequest,
} from '../../shared/vm/config.ts';
import { firmwareRequestSchema, type FirmwareRequest } from '../../shared/vm/machineRequest.ts';
import { describeIssue } from '../../shared/vm/configMigrations.ts';
import { UsageError } from './commandError.ts';
import { hostPath, oneOf, orList, parseSize, wholeNumber } from './optionValues.ts';

export interface BootChoice {
  readonly order: string;
  readonly menu: boolean;
}

/** "cda[,menu]" */
export function parseBoot(text: string): BootChoice {
  const [letters = '', ...rest] = text.split(',');
  const order = letters.replaceAll('f', 'a');
  const menu = rest.length === 1 && rest[0] === 'menu';
  if (!bootSchema.shape.order.safeParse(order).success || (rest.length > 0 && !menu)) {
    throw new UsageError(
      `--boot ${text}: give some of c (disks), d (CD-ROMs), f or a (floppies), n (network), each once, as in "dc" or "cda,menu"`,
    );
  }
  return { order, menu };
}

/** Options for the drives of a new or changed machine, on any command. */
export function driveOptions(command: Command): Command {
  const list =
    <T>(parse: (text: string) => T) =>
    (text: string, before: T[] | undefined): T[] => [...(before ?? []), parse(text)];
  return command
    .option(
      '--disk <file[,if=virtio|ide|ahci][,readonly][,format=FORMAT][,allow=FOLDER]>',
      'disk image of any format, or nbd://HOST:PORT/EXPORT; may be repeated (a comma in its name is written twice); allow: where\n' +
        'an image may lie that it builds on, besides its own folder; further cache=writeback|writethrough|none,\n' +
        'share=on (several VMs write to it), detect-zeroes=on, iops=N and bps=N (most operations and bytes a second)',
      list(parseDisk),
    )
    .option(
      '--cdrom <file[,if=ide|ahci]>',
      'ISO image in a CD-ROM drive, or "none" for an empty drive; may be repeated',
      list(parseCdrom),
    )
    .option(
      '--floppy <file[,readonly]>',
      'raw floppy image in a floppy drive, or "none" for an empty drive; at most two',
      list(parseFloppy),
    );
}

/** "SIZE[,format=FORMAT][,if=virtio|ide|ahci]" */
export function parseNewDisk(text: string): NewDiskRequest {
  const { path: size, settings } = parseDrive('--new-disk', text, ['format', 'if']);
  const formats = diskFormats.filter((format) => format !== 'auto');
  return {
    sizeMiB: Math.ceil(parseSize(size) / 2 ** 20),
    format: oneOf('--new-disk format=', formats)(settings['format'] ?? 'qcow2'),
    interface: oneOf('--new-disk if=', diskInterfaces)(settings['if'] ?? 'virtio'),
  };
}

/** "FILE[,format=FORMAT][,if=virtio|ide|ahci][,readonly][,allow=FOLDER][,cache=…]"; a comma in a file name is written twice. */
export function parseDisk(text: string): DiskConfig {
  const known = [
    ...['format', 'if', 'readonly', 'share', 'allow', 'cache', 'detect-zeroes', 'iops', 'bps'],
  ];
  const { path, settings } = parseDrive('--disk', text, known);
  if (path === 'none')
    throw new UsageError('--disk none: only CD-ROM and floppy drives can be empty');
  const { format = 'auto', if: where = 'virtio', readonly = 'off', allow, cache } = settings;
  const { 'detect-zeroes': zeroes, iops, bps, share } = settings;
  const limit = (name: string, given: string | undefined): number | undefined => {
    if (given === undefined || /^[1-9]\d*$/.test(given))
      return given === undefined ? undefined : Number(given);
    throw new UsageError(`--disk ${name}=${given}: give a number per second`);
  };
  const limits = { iops: limit('iops', iops), bytesPerSecond: limit('bps', bps) };
  return diskSchema.parse({
    path: hostPath(path),
    format: oneOf('--disk format=', diskFormats)(format),
    allowedFolders: allow === undefined ? [] : [hostPath(allow)],
    interface: oneOf('--disk if=', diskInterfaces)(where),
    readOnly: oneOf('--disk readonly=', ['on', 'off'])(readonly) === 'on',
    ...(cache !== undefined && { cache: oneOf('--disk cache=', diskCaches)(cache) }),
    ...(zeroes !== undefined && {
      detectZeroes: oneOf('--disk detect-zeroes=', ['on', 'off'])(zeroes) === 'on',
    }),
    ...(share !== undefined && {
      shareable: oneOf('--disk share=', ['on', 'off'])(share) === 'on',
    }),
    ...((iops !== undefined || bps !== undefined) && { limits }),
  });
}

/** "CODE[,template=FILE][,vars=FILE]" */
export function parseFirmware(text: string): FirmwareRequest {
  const { path, settings } = parseDrive('--firmware', text, ['template', 'vars']);
  const { template, vars } = settings;
  return firmwareRequestSchema.parse({
    code: hostPath(path),
    ...(template === undefined ? {} : { template: hostPath(template) }),
    ...(vars === undefined ? {} : { variables: hostPath(vars) }),
  });
}

/** "FILE|none[,if=ide|ahci]" */
export function parseCdrom(text: string): CdromConfig {
  const { path, settings } = parseDrive('--cdrom', text, ['if']);
  const where = oneOf('--cdrom if=', ['ide', 'ahci'])(settings.if ?? 'ide');
  return cdromSchema.parse({ ...medium(path), interface: where });
}

/** "FILE|none[,readonly]" */
export function parseFloppy(text: string): FloppyConfig {
  const { path, settings } = parseDrive('--floppy', text, ['readonly']);
  const readOnly = oneOf('--floppy readonly=', ['on', 'off'])(settings.readonly ?? 'off') === 'on';
  return floppySchema.parse({ ...medium(path), readOnly });
}

const medium = (path: string): { path?: string } =>
  path === 'none' ? {} : { path: hostPath(path) };

function parseDrive<const K extends string>(
  option: string,
  text: string,
  keys: readonly K[],
): { path: string; settings: Partial<Record<K, string>> } {
  const [path = '', ...parts] = splitAtSingleCommas(text);
  if (path === '')
    throw new UsageError(`${option} ${text}: name a file, as in ${option} image.img`);
  const settings: Partial<Record<K, string>> = {};
  for (const part of parts) {
    const [name, value = 'on'] = part.split('=', 2);
    const key = keys.find((known) => known === name);
    if (key === undefined) {
      throw new UsageError(`${option}: "${part}" is unknown; use ${orList(keys)}`);
    }
    settings[key] = value;
  }
  return { path, settings };
}

function splitAtSingleCommas(text: string): string[] {
  const parts = [''];
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character !== ',') parts[parts.length - 1] += character;
    else if (text.charAt(i + 1) === ',') {
      parts[parts.length - 1] += ',';
      i++;
    } else parts.push('');
  }
  return parts;
}

/** "FILE[@seconds]" */
export function parseScreenshot(text: string): { path: string; atSeconds?: number } {
  const { value, atSeconds } = parseTimed(text);
  if (value === '') throw new UsageError(`--screenshot ${text}: name a file, as in screen.png@5`);
  return { path: hostPath(value), ...(atSeconds === undefined ? {} : { atSeconds }) };
}

/** "KEYS[@seconds]" */
export function parseSendKeys(text: string): { strokes: Stroke[]; atSeconds?: number } {
  const { value, ...time } = parseTimed(text);
  try {
    return { strokes: parseKeys(value), ...time };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--sendkeys: ${error.message}; write text, or names as in <ret>`);
  }
}

/** "value[@seconds]": the last @ counts, and only if a number follows. */
export function parseTimed(text: string): { value: string; atSeconds?: number } {
  const [, value = text, seconds] = /^(.*)@(\d+(?:\.\d+)?)$/s.exec(text) ?? [];
  return seconds === undefined ? { value } : { value, atSeconds: Number(seconds) };
}

/** Of `run`, `create` and `modify`. */
export const memoryHelp = `RAM, 16 to ${mostCoreMemoryMiB}, with KVM to ${mostMemoryMiB}`;
export const cpuCapOption = [
  '--cpu-cap <percent>',
  'most of a host CPU that the guest may take, 5 to 100 (by default 100)',
  wholeNumber('--cpu-cap', 5, 100),
] as const;

/** Of `run`, `create` and `modify`. */
export const cpuModelHelp =
  "what the guest sees as its CPU: guesthouse-v2 (the translator's, not for KVM); host-like; x86-64-v2 or x86-64-v3\n" +
  "(the same on every host; KVM refuses what its processor lacks); host (all of the processor's, on KVM)";

/** Of `create` and `modify`. */
export const engineHelp =
  'interpreter, translator, kvm, or auto: KVM where "guesthouse doctor" finds it usable, else the translator';

/** Parses with a zod schema; the first problem becomes the one line of a usage error. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${describeIssue(parsed.error)}; change it`);
}
