import { currentLanguage, t } from '../../i18n/i18n.ts';
import { formatSize } from '../files/formatSize.ts';

export const percent = (value: number): string =>
  t('activity.percent', { value: Math.round(value).toLocaleString(currentLanguage()) });
export const perSecond = (bytes: number): string =>
  t('activity.perSecond', { amount: formatSize(Math.round(bytes)) });
export const size = (bytes: number): string => formatSize(Math.round(bytes));

/** Three digits and a unit: `85.2 M`. */
export function short(value: number): string {
  const units = ['', ' k', ' M', ' G'];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit++;
  }
  return `${Number(rest.toPrecision(3)).toLocaleString(currentLanguage())}${units[unit]}`;
}
