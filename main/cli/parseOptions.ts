import { resolve } from 'node:path';
import type { z } from 'zod';
import { engineCapabilities } from '../../shared/vm/capabilities.ts';
import { diskSchema, type DiskConfig } from '../../shared/vm/config.ts';
import { describeIssue } from '../../shared/vm/configMigrations.ts';
import { UsageError } from './commandError.ts';

/** A path as the user meant it: npm runs scripts in the project's folder and tells where it was. */
export function hostPath(path: string, environment: NodeJS.ProcessEnv = process.env): string {
  const { INIT_CWD: typedIn, npm_lifecycle_event: script } = environment;
  return script !== undefined && typedIn ? resolve(typedIn, path) : resolve(path);
}

/** "FILE[,format=raw][,readonly]"; a comma in a file name is written twice. */
export function parseDisk(text: string): DiskConfig {
  const parts = splitAtSingleCommas(text);
  const path = parts.shift() ?? '';
  if (path === '') throw new UsageError(`--disk ${text}: name a file, as in --disk disk.img`);
  let readOnly = false;
  for (const part of parts) {
    const [key, value] = part.split('=', 2);
    if (key === 'readonly' && (value === undefined || value === 'on')) readOnly = true;
    else if (key === 'readonly' && value === 'off') readOnly = false;
    else if (key === 'format') {
      if (value !== 'raw') {
        throw new UsageError(`--disk format=${value ?? ''}: only format=raw is supported for now`);
      }
    } else {
      throw new UsageError(`--disk: "${part}" is unknown; use format=raw or readonly`);
    }
  }
  return diskSchema.parse({ path: hostPath(path), format: 'raw', readOnly });
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

/** "interpreter, translator or kvm; for now …" */
export function engineHelp(): string {
  const all = Object.entries(engineCapabilities);
  const here = all.filter(([, engine]) => engine.available).map(([name]) => name);
  const names = orList(all.map(([name]) => name));
  return here.length === all.length ? names : `${names}; this version has ${here.join(', ')}`;
}

const orList = (names: readonly string[]): string =>
  names.join(', ').replace(/, ([^,]*)$/, ' or $1');

/** A parser of whole numbers for commander. */
export function wholeNumber(option: string, low: number, high: number, unit = '') {
  return (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= low && value <= high) return value;
    const range = `a whole number from ${low} to ${high}${unit && ` ${unit}`}`;
    throw new UsageError(`${option} ${text}: give ${range}`);
  };
}

export function oneOf<const T extends readonly string[]>(option: string, choices: T) {
  return (text: string): T[number] => {
    if (choices.includes(text)) return text;
    throw new UsageError(`${option} ${text}: use ${orList(choices)}`);
  };
}

/** Parses with a zod schema; the first problem becomes the one line of a usage error. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${describeIssue(parsed.error)}; change it`);
}
