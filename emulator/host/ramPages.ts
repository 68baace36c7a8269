/** What a page of RAM is, for copies of RAM. */
import { ramPageSize } from '../bus/ramWatch.ts';

export const wordsPerPage = ramPageSize / 4;

export function isEmptyPage(words: Uint32Array, first: number): boolean {
  for (let at = first; at < first + wordsPerPage; at++) if (words[at] !== 0) return false;
  return true;
}
