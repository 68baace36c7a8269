/** What single options of commands mean: paths, sizes, numbers, choices. Loads nothing, so that small commands start soon. */
import { resolve } from 'node:path';
import { isNbdAddress } from '../../shared/vm/nbdAddress.ts';
import { UsageError } from './commandError.ts';

/**
 * A path as the user meant it: npm runs scripts in the project's folder and tells where it was. Addresses of NBD exports stay
 * as they are.
 */
export function hostPath(path: string, environment: NodeJS.ProcessEnv = process.env): string {
  if (isNbdAddress(path)) return path;
  const { INIT_CWD: typedIn, npm_lifecycle_event: script } = environment;
  return script !== undefined && typedIn ? resolve(typedIn, path) : resolve(path);
}

const units: Readonly<Record<string, number>> = { '': 0, K: 10, M: 20, G: 30, T: 40 };

/** "20G", "512M", "1.5T", bytes without a letter. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)i?B?$/i.exec(text);
  const power = units[match?.[2]?.toUpperCase() ?? '?'];
  const bytes = match === null || power === undefined ? NaN : Number(match[1]) * 2 ** power;
  if (!Number.isFinite(bytes) || bytes <= 0)
    throw new UsageError(`"${text}" is no size: write it as 20G, 512M or 1.5T`);
  return Math.ceil(bytes);
}

export const orList = (names: readonly string[]): string =>
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
    const given = option.endsWith('=') ? `${option}${text}` : `${option} ${text}`;
    throw new UsageError(`${given}: use ${orList(choices)}`);
  };
}
