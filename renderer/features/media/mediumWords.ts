import { useOf } from '../../../shared/media/mediumUse.ts';
import type { Medium } from '../../../shared/media/recogniseMedium.ts';
import { t } from '../../i18n/i18n.ts';
import { formatSize } from '../files/formatSize.ts';

/** What a file was recognised as, in one line. */
export function mediumWords(medium: Medium): string {
  if (medium.kind === 'other') return t(`media.other.${medium.content}`, { start: medium.start });
  const { kind, label, bootable, diskBytes } = medium;
  const parts = [t(`media.kind.${kind}`)];
  if (label !== undefined) parts.push(t('media.labelled', { label }));
  if (diskBytes !== undefined) parts.push(t('media.diskOf', { size: formatSize(diskBytes) }));
  if (kind === 'iso' && bootable === false) parts.push(t('media.notBootable'));
  if (useOf(medium) === undefined) parts.push(t('media.unsupported'));
  return parts.join(', ');
}
