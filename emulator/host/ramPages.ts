/** What a page of RAM is, for copies of RAM: empty, or perhaps a page table whose dirty bits may yet be set. */
import { ramPageSize } from '../bus/ramWatch.ts';

export const wordsPerPage = ramPageSize / 4;
/** Frames that are remembered of a page. */
export const framesKept = 4;
/** Instead of a count of frames: more of them, or a large page. */
export const manyFrames = 255;

/** The highest frame lies below 8 GiB. */
const highestWord = 1;
const present = 1;
const writable = 2;
const dirty = 0x40;
const large = 0x80;

/**
 * The frames to which the page at word `first` may lead and whose first write would change the page without a
 * note. The CPU sets the dirty bit only in entries that are present, writable and not dirty yet (SDM 3A §4.8).
 * Puts their numbers to `frames` from `at` on and returns how many, at most framesKept, or manyFrames.
 */
export function cleanFrames(
  words: Uint32Array,
  first: number,
  frames: Uint32Array,
  at: number,
): number {
  let count = 0;
  for (let word = first; word < first + wordsPerPage; word += 2) {
    const low = words[word] as number;
    if ((low & (present | writable | dirty)) !== (present | writable)) continue;
    const high = (words[word + 1] as number) & 0xfffff;
    if (high > highestWord) continue;
    const frame = high * 0x100000 + (low >>> 12);
    if (frames.subarray(at, at + count).includes(frame)) continue;
    // Small numbers look like an entry for the first frame; a large page that begins there is told by its flag.
    if (count === framesKept || ((low & large) !== 0 && (frame & 0x1ff) === 0)) return manyFrames;
    frames[at + count++] = frame;
  }
  return count;
}

export function isEmptyPage(words: Uint32Array, first: number): boolean {
  for (let at = first; at < first + wordsPerPage; at++) if (words[at] !== 0) return false;
  return true;
}
