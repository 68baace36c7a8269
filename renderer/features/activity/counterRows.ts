import { currentLanguage, t, type TextKey } from '../../i18n/i18n.ts';
import { en } from '../../i18n/en.ts';
import type { CounterSample } from './rates.ts';
import { short } from './words.ts';

/** Not counts of what happened: they go up and down. */
const levels: ReadonlySet<string> = new Set(['hitRatePercent', 'regionsLive']);
const withDigits = (value: number) =>
  value.toLocaleString(currentLanguage(), {
    maximumFractionDigits: Number.isInteger(value) ? 0 : 1,
  });

/** Counters for people: name, count since the start, and how many a second since `before`. */
export function counterRows(
  now: CounterSample,
  before?: CounterSample,
): { readonly name: string; readonly total: string; readonly rate: string }[] {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  return Object.entries(now.values).map(([key, value]) => {
    const earlier = before?.values[key];
    // A reset of the machine may set counters back.
    const hasRate = !levels.has(key) && seconds > 0 && earlier !== undefined && value >= earlier;
    return {
      name: key in en.counter ? t(`counter.${key}` as TextKey) : words(key),
      total: withDigits(value),
      rate: hasRate ? `${short((value - earlier) / seconds)}/s` : '',
    };
  });
}

/** `portAccesses` → `Port accesses`; `disk0.reads` → `Disk0 reads`. */
function words(name: string): string {
  const spaced = name
    .replace(/[._-]+/g, ' ')
    .replace(
      /([a-z\d])([A-Z])/g,
      (_, before: string, letter: string) => `${before} ${letter.toLowerCase()}`,
    );
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}
