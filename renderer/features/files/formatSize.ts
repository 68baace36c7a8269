import { currentLanguage, t } from '../../i18n/i18n.ts';

/** A file size for people, in binary units with three digits at most. */
export function formatSize(bytes: number): string {
  const units = ['bytes', 'kib', 'mib', 'gib', 'tib'] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const number = Number(value.toFixed(digits));
  return t(`size.${units[unit]!}`, {
    count: number,
    number: number.toLocaleString(currentLanguage(), { useGrouping: false }),
  });
}
